/* The writing side of the rows: structs become JSON text. */
#include "base/json.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/json_internal.h"

struct writer {
	struct strbuf *buf;
	unsigned indent;
	unsigned depth;
	bool empty; /* nothing stands in the innermost object or array yet */
};

size_t json_utf8_len(const char *text, size_t avail)
{
	const unsigned char *p = (const unsigned char *)text;
	unsigned char low = 0x80, high = 0xbf;
	size_t len;

	if (avail == 0)
		return 0;
	if (p[0] < 0x80)
		return 1;
	if (p[0] < 0xc2 || p[0] > 0xf4)
		return 0;
	len = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	if (len > avail)
		return 0;
	/* The second byte rules out overlong forms, surrogates and what lies behind U+10FFFF. */
	if (p[0] == 0xe0)
		low = 0xa0;
	else if (p[0] == 0xed)
		high = 0x9f;
	else if (p[0] == 0xf0)
		low = 0x90;
	else if (p[0] == 0xf4)
		high = 0x8f;
	if (p[1] < low || p[1] > high)
		return 0;
	for (size_t i = 2; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	}
	return len;
}

static void add_escape(struct strbuf *buf, char c)
{
	static const char plain[] = "\"\\\b\f\n\r\t";
	static const char shorthand[] = "\"\\bfnrt";
	const char *at = strchr(plain, c);

	if (at && c != '\0') {
		strbuf_addc(buf, '\\');
		strbuf_addc(buf, shorthand[at - plain]);
	} else {
		strbuf_addf(buf, "\\u%04x", (unsigned)c);
	}
}

int json_quote(struct strbuf *buf, const char *text)
{
	size_t len = strlen(text);
	size_t done = 0, i = 0;

	strbuf_addc(buf, '"');
	while (i < len) {
		size_t n = json_utf8_len(text + i, len - i);
		unsigned char c = (unsigned char)text[i];

		if (n != 0 && c >= ' ' && c != '"' && c != '\\') {
			i += n;
			continue;
		}
		strbuf_add(buf, text + done, i - done);
		if (n == 0)
			strbuf_adds(buf, "\xef\xbf\xbd");
		else
			add_escape(buf, (char)c);
		done = ++i;
	}
	strbuf_add(buf, text + done, i - done);
	return strbuf_addc(buf, '"');
}

static void new_line(struct writer *w)
{
	if (w->indent == 0)
		return;
	strbuf_addc(w->buf, '\n');
	for (unsigned i = 0; i < w->indent * w->depth; i++)
		strbuf_addc(w->buf, ' ');
}

static void begin(struct writer *w, char c)
{
	strbuf_addc(w->buf, c);
	w->depth++;
	w->empty = true;
}

static void end(struct writer *w, char c)
{
	w->depth--;
	if (!w->empty)
		new_line(w);
	strbuf_addc(w->buf, c);
	w->empty = false;
}

/* Comes before every member and item. */
static void next(struct writer *w)
{
	if (!w->empty)
		strbuf_addc(w->buf, ',');
	new_line(w);
	w->empty = false;
}

static void key(struct writer *w, const char *name)
{
	next(w);
	json_quote(w->buf, name);
	strbuf_adds(w->buf, w->indent ? ": " : ":");
}

/* The fewest digits that read back as the same number. */
static int write_double(struct writer *w, double value)
{
	char text[40];

	if (!isfinite(value))
		return -EINVAL;
	for (int digits = 15; digits <= 17; digits++) {
		(void)snprintf(text, sizeof(text), "%.*g", digits, value);
		if (strtod(text, NULL) == value)
			break;
	}
	return strbuf_adds(w->buf, text);
}

static int write_enum(struct writer *w, const struct json_row *row, int value)
{
	for (int i = 0; value >= 0 && row->names[i]; i++) {
		if (i == value)
			return json_quote(w->buf, row->names[i]);
	}
	return -EINVAL;
}

/* Unset optionals and pointers have no value to write; the others do, even when zero. */
static bool is_unset(const struct json_row *row, const void *field)
{
	switch (row->kind) {
	case JSON_STR:
	case JSON_RAW:
		return !*(const char *const *)field;
	case JSON_OBJ_PTR: {
		void *ptr;

		memcpy(&ptr, field, sizeof(ptr));
		return !ptr;
	}
	case JSON_OPT_BOOL:
		return !((const struct opt_bool *)field)->set;
	case JSON_OPT_I32:
		return !((const struct opt_i32 *)field)->set;
	case JSON_OPT_U32:
		return !((const struct opt_u32 *)field)->set;
	case JSON_OPT_I64:
		return !((const struct opt_i64 *)field)->set;
	case JSON_OPT_U64:
		return !((const struct opt_u64 *)field)->set;
	default:
		return false;
	}
}

static bool is_zero(const struct json_row *row, const void *field);

static bool is_zero_object(const struct json_type *type, const void *object)
{
	for (size_t i = 0; i < type->n_rows; i++) {
		if (!is_zero(&type->rows[i], (const char *)object + type->rows[i].offset))
			return false;
	}
	return true;
}

static bool is_zero(const struct json_row *row, const void *field)
{
	switch (row->kind) {
	case JSON_STR:
		return is_unset(row, field) || **(const char *const *)field == '\0';
	case JSON_BOOL:
		return !*(const bool *)field;
	case JSON_I32:
		return *(const int32_t *)field == 0;
	case JSON_U32:
		return *(const uint32_t *)field == 0;
	case JSON_I64:
		return *(const int64_t *)field == 0;
	case JSON_U64:
		return *(const uint64_t *)field == 0;
	case JSON_DOUBLE:
		return *(const double *)field == 0;
	case JSON_ENUM:
		return *(const int *)field == 0;
	case JSON_STRS:
		return ((const struct json_strs *)field)->len == 0;
	case JSON_NUMS:
		return ((const struct json_nums *)field)->len == 0;
	case JSON_MAP:
		return ((const struct json_map *)field)->len == 0;
	case JSON_OBJS:
		return ((const struct json_objs *)field)->len == 0;
	case JSON_OBJ_MAP:
		return ((const struct json_obj_map *)field)->len == 0;
	case JSON_OBJ:
		return is_zero_object(row->type, field);
	default:
		return is_unset(row, field);
	}
}

static int write_object(struct writer *w, const struct json_type *type, const void *object);

static int write_objs(struct writer *w, const struct json_row *row, const struct json_objs *list)
{
	begin(w, '[');
	for (size_t i = 0; i < list->len; i++) {
		int ret;

		next(w);
		ret = write_object(w, row->type, (const char *)list->items + i * row->type->size);
		if (ret < 0)
			return ret;
	}
	end(w, ']');
	return 0;
}

static int write_obj_map(struct writer *w, const struct json_row *row,
			 const struct json_obj_map *map)
{
	begin(w, '{');
	for (size_t i = 0; i < map->len; i++) {
		int ret;

		key(w, map->keys[i]);
		ret = write_object(w, row->type, (const char *)map->items + i * row->type->size);
		if (ret < 0)
			return ret;
	}
	end(w, '}');
	return 0;
}

static int write_strs(struct writer *w, const struct json_strs *list)
{
	begin(w, '[');
	for (size_t i = 0; i < list->len; i++) {
		next(w);
		json_quote(w->buf, list->items[i]);
	}
	end(w, ']');
	return 0;
}

static int write_nums(struct writer *w, const struct json_nums *list)
{
	begin(w, '[');
	for (size_t i = 0; i < list->len; i++) {
		next(w);
		strbuf_addf(w->buf, "%" PRId64, list->items[i]);
	}
	end(w, ']');
	return 0;
}

static int write_map(struct writer *w, const struct json_map *map)
{
	begin(w, '{');
	for (size_t i = 0; i < map->len; i++) {
		key(w, map->items[i].key);
		json_quote(w->buf, map->items[i].value);
	}
	end(w, '}');
	return 0;
}

static int write_bool(struct writer *w, bool value)
{
	return strbuf_adds(w->buf, value ? "true" : "false");
}

static int write_signed(struct writer *w, int64_t value)
{
	return strbuf_addf(w->buf, "%" PRId64, value);
}

static int write_unsigned(struct writer *w, uint64_t value)
{
	return strbuf_addf(w->buf, "%" PRIu64, value);
}

static int write_obj_ptr(struct writer *w, const struct json_row *row, const void *field)
{
	const void *object;

	memcpy(&object, field, sizeof(object));
	return write_object(w, row->type, object);
}

static int write_value(struct writer *w, const struct json_row *row, const void *field)
{
	switch (row->kind) {
	case JSON_STR:
		return json_quote(w->buf, *(const char *const *)field);
	case JSON_RAW:
		return strbuf_adds(w->buf, *(const char *const *)field);
	case JSON_BOOL:
		return write_bool(w, *(const bool *)field);
	case JSON_I32:
		return write_signed(w, *(const int32_t *)field);
	case JSON_U32:
		return write_unsigned(w, *(const uint32_t *)field);
	case JSON_I64:
		return write_signed(w, *(const int64_t *)field);
	case JSON_U64:
		return write_unsigned(w, *(const uint64_t *)field);
	case JSON_DOUBLE:
		return write_double(w, *(const double *)field);
	case JSON_OPT_BOOL:
		return write_bool(w, ((const struct opt_bool *)field)->value);
	case JSON_OPT_I32:
		return write_signed(w, ((const struct opt_i32 *)field)->value);
	case JSON_OPT_U32:
		return write_unsigned(w, ((const struct opt_u32 *)field)->value);
	case JSON_OPT_I64:
		return write_signed(w, ((const struct opt_i64 *)field)->value);
	case JSON_OPT_U64:
		return write_unsigned(w, ((const struct opt_u64 *)field)->value);
	case JSON_ENUM:
		return write_enum(w, row, *(const int *)field);
	case JSON_STRS:
		return write_strs(w, field);
	case JSON_NUMS:
		return write_nums(w, field);
	case JSON_MAP:
		return write_map(w, field);
	case JSON_OBJ:
		return write_object(w, row->type, field);
	case JSON_OBJ_PTR:
		return write_obj_ptr(w, row, field);
	case JSON_OBJS:
		return write_objs(w, row, field);
	case JSON_OBJ_MAP:
		return write_obj_map(w, row, field);
	}
	return -EINVAL;
}

static int write_object(struct writer *w, const struct json_type *type, const void *object)
{
	begin(w, '{');
	for (size_t i = 0; i < type->n_rows; i++) {
		const struct json_row *row = &type->rows[i];
		const void *field = (const char *)object + row->offset;
		int ret;

		if (is_unset(row, field))
			continue;
		if ((row->flags & JSON_OMIT_EMPTY) && is_zero(row, field))
			continue;
		key(w, row->name);
		ret = write_value(w, row, field);
		if (ret < 0)
			return ret;
	}
	end(w, '}');
	return 0;
}

int json_encode(const struct json_type *type, const void *in, unsigned indent, struct strbuf *buf)
{
	struct writer w = { .buf = buf, .indent = indent };
	int ret = write_object(&w, type, in);

	return ret < 0 ? ret : strbuf_error(buf);
}
