/* Scalar tokens into scalar members. */
#include "base/json_internal.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/parse.h"

enum {
	MAX_INTEGER_LEN = 32,
	MAX_NUMBER_LEN = 512,
	SHOWN_LEN = 64,
};

int json_check_text(struct json_decoder *d, const struct json_event *ev)
{
	size_t n;

	for (size_t i = 0; i < ev->len; i += n) {
		n = json_utf8_len(ev->text + i, ev->len - i);
		if (n == 0)
			return json_fail(d, -EINVAL, "%s with invalid UTF-8", json_event_name(ev));
		if (ev->text[i] == '\0')
			return json_fail(d, -EINVAL, "%s with a NUL character (\\u0000)",
					 json_event_name(ev));
	}
	return 0;
}

int json_copy_text(struct json_decoder *d, const struct json_event *ev, const char **out)
{
	*out = arena_strndup(d->arena, ev->text, ev->len);
	return *out ? 0 : json_no_memory(d);
}

static int show_len(const struct json_event *ev)
{
	return ev->len < SHOWN_LEN ? (int)ev->len : SHOWN_LEN;
}

/* JSON's grammar leaves fraction and exponent to be refused here. */
static int copy_integer(struct json_decoder *d, const struct json_event *ev, char *buf, size_t size)
{
	int ret = json_expect(d, ev, JSON_EV_NUMBER);

	if (ret < 0)
		return ret;
	for (size_t i = 0; i < ev->len; i++) {
		if (ev->text[i] != '-' && (ev->text[i] < '0' || ev->text[i] > '9'))
			return json_fail(
				d, -EINVAL,
				"expected an integer without fraction and exponent, got %.*s",
				show_len(ev), ev->text);
	}
	if (ev->len >= size)
		return json_fail(d, -EINVAL, "number %.*s... is out of range", show_len(ev),
				 ev->text);
	memcpy(buf, ev->text, ev->len);
	buf[ev->len] = '\0';
	return 0;
}

int json_get_signed(struct json_decoder *d, const struct json_event *ev, int64_t min, int64_t max,
		    int64_t *out)
{
	char buf[MAX_INTEGER_LEN];
	int ret = copy_integer(d, ev, buf, sizeof(buf));

	if (ret < 0)
		return ret;
	if (parse_i64(buf, out) < 0 || *out < min || *out > max)
		return json_fail(d, -EINVAL, "number %s is out of range (%lld to %lld)", buf,
				 (long long)min, (long long)max);
	return 0;
}

static int get_unsigned(struct json_decoder *d, const struct json_event *ev, uint64_t max,
			uint64_t *out)
{
	char buf[MAX_INTEGER_LEN];
	int ret = copy_integer(d, ev, buf, sizeof(buf));

	if (ret < 0)
		return ret;
	if (strcmp(buf, "-0") == 0) {
		*out = 0;
		return 0;
	}
	if (parse_u64(buf, out) < 0 || *out > max)
		return json_fail(d, -EINVAL, "number %s is out of range (0 to %llu)", buf,
				 (unsigned long long)max);
	return 0;
}

static int set_double(struct json_decoder *d, const struct json_row *row,
		      const struct json_event *ev, void *field)
{
	char buf[MAX_NUMBER_LEN];
	double value;
	int ret = json_expect(d, ev, JSON_EV_NUMBER);

	if (ret < 0)
		return ret;
	(void)row;
	if (ev->len >= sizeof(buf))
		return json_fail(d, -EINVAL, "number of %zu digits", ev->len);
	memcpy(buf, ev->text, ev->len);
	buf[ev->len] = '\0';
	value = strtod(buf, NULL);
	if (!isfinite(value))
		return json_fail(d, -EINVAL, "number %.*s is out of range", show_len(ev), ev->text);
	*(double *)field = value;
	return 0;
}

static int set_enum(struct json_decoder *d, const struct json_row *row, const struct json_event *ev,
		    void *field)
{
	auto_strbuf struct strbuf known = { 0 };
	int ret = json_expect(d, ev, JSON_EV_STRING);

	if (ret < 0)
		return ret;
	for (int i = 0; row->names[i]; i++) {
		if (strlen(row->names[i]) == ev->len &&
		    memcmp(row->names[i], ev->text, ev->len) == 0) {
			*(int *)field = i;
			return 0;
		}
		strbuf_addf(&known, "%s%s", i ? ", " : "", row->names[i]);
	}
	return json_fail(d, -EINVAL, "unknown value '%.*s' (known are: %s)", show_len(ev), ev->text,
			 strbuf_str(&known));
}

static int set_signed(struct json_decoder *d, const struct json_row *row,
		      const struct json_event *ev, void *field)
{
	bool narrow = row->kind == JSON_I32 || row->kind == JSON_OPT_I32;
	int64_t value;
	int ret = json_get_signed(d, ev, narrow ? INT32_MIN : INT64_MIN,
				  narrow ? INT32_MAX : INT64_MAX, &value);

	if (ret < 0)
		return ret;
	if (row->kind == JSON_I32)
		*(int32_t *)field = (int32_t)value;
	else if (row->kind == JSON_OPT_I32)
		*(struct opt_i32 *)field = (struct opt_i32){ true, (int32_t)value };
	else if (row->kind == JSON_I64)
		*(int64_t *)field = value;
	else
		*(struct opt_i64 *)field = (struct opt_i64){ true, value };
	return 0;
}

static int set_unsigned(struct json_decoder *d, const struct json_row *row,
			const struct json_event *ev, void *field)
{
	bool narrow = row->kind == JSON_U32 || row->kind == JSON_OPT_U32;
	uint64_t value;
	int ret = get_unsigned(d, ev, narrow ? UINT32_MAX : UINT64_MAX, &value);

	if (ret < 0)
		return ret;
	if (row->kind == JSON_U32)
		*(uint32_t *)field = (uint32_t)value;
	else if (row->kind == JSON_OPT_U32)
		*(struct opt_u32 *)field = (struct opt_u32){ true, (uint32_t)value };
	else if (row->kind == JSON_U64)
		*(uint64_t *)field = value;
	else
		*(struct opt_u64 *)field = (struct opt_u64){ true, value };
	return 0;
}

static int set_bool(struct json_decoder *d, const struct json_row *row, const struct json_event *ev,
		    void *field)
{
	int ret = json_expect(d, ev, JSON_EV_BOOL);

	if (ret < 0)
		return ret;
	if (row->kind == JSON_BOOL)
		*(bool *)field = ev->boolean;
	else
		*(struct opt_bool *)field = (struct opt_bool){ true, ev->boolean };
	return 0;
}

static int set_str(struct json_decoder *d, const struct json_row *row, const struct json_event *ev,
		   void *field)
{
	int ret = json_expect(d, ev, JSON_EV_STRING);

	(void)row;
	return ret < 0 ? ret : json_copy_text(d, ev, field);
}

typedef int set_fn(struct json_decoder *d, const struct json_row *row, const struct json_event *ev,
		   void *field);

int json_set_scalar(struct json_decoder *d, const struct json_row *row, const struct json_event *ev,
		    void *field)
{
	static set_fn *const setters[] = {
		[JSON_STR] = set_str,	       [JSON_BOOL] = set_bool,
		[JSON_OPT_BOOL] = set_bool,    [JSON_I32] = set_signed,
		[JSON_OPT_I32] = set_signed,   [JSON_I64] = set_signed,
		[JSON_OPT_I64] = set_signed,   [JSON_U32] = set_unsigned,
		[JSON_OPT_U32] = set_unsigned, [JSON_U64] = set_unsigned,
		[JSON_OPT_U64] = set_unsigned, [JSON_DOUBLE] = set_double,
		[JSON_ENUM] = set_enum,
	};

	return setters[row->kind](d, row, ev, field);
}
