#include "base/json_internal.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <yajl/yajl_parse.h>

enum {
	DEFAULT_MAX_DEPTH = 64,
	DEFAULT_MAX_BYTES = 16 << 20,
	DEFAULT_MAX_VALUES = 1 << 20,
};

struct scan {
	yajl_handle yajl;
	const char *text;
	size_t len;
	struct json_limits limits;
	json_event_fn *fn;
	void *arg;
	struct error *err;
	unsigned depth;
	size_t n_values;
	size_t prev_end; /* behind the last delivered token */
	bool finishing;	 /* yajl no longer counts in our text */
	int ret;
};

size_t json_line_at(const char *text, size_t offset)
{
	const char *end = text + offset;
	size_t line = 1;

	while (text < end && (text = memchr(text, '\n', (size_t)(end - text)))) {
		line++;
		text++;
	}
	return line;
}

static size_t position(const struct scan *scan)
{
	size_t offset = scan->len;

	if (!scan->finishing)
		offset = yajl_get_bytes_consumed(scan->yajl);
	return offset < scan->len ? offset : scan->len;
}

static int over_limit(struct scan *scan, size_t at, const char *what, size_t limit)
{
	scan->ret = err_msg(scan->err, -E2BIG, "line %zu: JSON text has more than %zu %s",
			    json_line_at(scan->text, at), limit, what);
	return 0;
}

/* Deeper nesting must be refused before yajl notes the new level. */
static bool opens(enum json_event_kind kind)
{
	return kind == JSON_EV_MAP_START || kind == JSON_EV_ARRAY_START;
}

static bool closes(enum json_event_kind kind)
{
	return kind == JSON_EV_MAP_END || kind == JSON_EV_ARRAY_END;
}

/* yajl reports no separators, and takes vertical tabs and form feeds for blanks. */
static bool is_between_tokens(char c)
{
	return c != '\0' && strchr(" \t\v\f\r\n:,", c);
}

/* Returns what yajl wants: 1 to go on, 0 to stop (scan->ret tells why). */
static int deliver(struct scan *scan, struct json_event *ev)
{
	ev->end = position(scan);
	ev->begin = scan->prev_end;
	while (ev->begin < ev->end && is_between_tokens(scan->text[ev->begin]))
		ev->begin++;
	if (opens(ev->kind) && ++scan->depth > scan->limits.max_depth)
		return over_limit(scan, ev->begin, "levels of nesting", scan->limits.max_depth);
	if (closes(ev->kind))
		scan->depth--;
	else if (ev->kind != JSON_EV_KEY && ++scan->n_values > scan->limits.max_values)
		return over_limit(scan, ev->begin, "values", scan->limits.max_values);
	if (scan->fn)
		scan->ret = scan->fn(scan->arg, ev, scan->err);
	scan->prev_end = ev->end;
	return scan->ret == 0;
}

static int on_null(void *ctx)
{
	return deliver(ctx, &(struct json_event){ .kind = JSON_EV_NULL });
}

static int on_boolean(void *ctx, int value)
{
	return deliver(ctx, &(struct json_event){ .kind = JSON_EV_BOOL, .boolean = value != 0 });
}

static int on_number(void *ctx, const char *text, size_t len)
{
	struct json_event ev = { .kind = JSON_EV_NUMBER, .text = text, .len = len };

	return deliver(ctx, &ev);
}

static int on_string(void *ctx, const unsigned char *text, size_t len)
{
	struct json_event ev = { .kind = JSON_EV_STRING, .text = (const char *)text, .len = len };

	return deliver(ctx, &ev);
}

static int on_map_key(void *ctx, const unsigned char *text, size_t len)
{
	struct json_event ev = { .kind = JSON_EV_KEY, .text = (const char *)text, .len = len };

	return deliver(ctx, &ev);
}

static int on_start_map(void *ctx)
{
	return deliver(ctx, &(struct json_event){ .kind = JSON_EV_MAP_START });
}

static int on_end_map(void *ctx)
{
	return deliver(ctx, &(struct json_event){ .kind = JSON_EV_MAP_END });
}

static int on_start_array(void *ctx)
{
	return deliver(ctx, &(struct json_event){ .kind = JSON_EV_ARRAY_START });
}

static int on_end_array(void *ctx)
{
	return deliver(ctx, &(struct json_event){ .kind = JSON_EV_ARRAY_END });
}

/* yajl_number set means that yajl never converts a number itself. */
static const yajl_callbacks callbacks = {
	.yajl_null = on_null,
	.yajl_boolean = on_boolean,
	.yajl_number = on_number,
	.yajl_string = on_string,
	.yajl_map_key = on_map_key,
	.yajl_start_map = on_start_map,
	.yajl_end_map = on_end_map,
	.yajl_start_array = on_start_array,
	.yajl_end_array = on_end_array,
};

static int syntax_error(struct scan *scan)
{
	size_t at = position(scan);
	unsigned char *text = yajl_get_error(scan->yajl, 0, NULL, 0);
	const char *what = text ? (const char *)text : "malformed";
	size_t len = strcspn(what, "\n");
	int ret;

	if (len && what[len - 1] == '.')
		len--;
	ret = err_msg(scan->err, -EINVAL, "line %zu: no valid JSON: %.*s",
		      json_line_at(scan->text, at), (int)len, what);
	if (text)
		yajl_free_error(scan->yajl, text);
	return ret;
}

static void set_defaults(struct json_limits *limits)
{
	if (limits->max_depth == 0)
		limits->max_depth = DEFAULT_MAX_DEPTH;
	if (limits->max_bytes == 0)
		limits->max_bytes = DEFAULT_MAX_BYTES;
	if (limits->max_values == 0)
		limits->max_values = DEFAULT_MAX_VALUES;
}

int json_scan(const char *text, size_t len, const struct json_limits *limits, json_event_fn *fn,
	      void *arg, struct error *err)
{
	struct scan scan = { .text = text, .len = len, .fn = fn, .arg = arg, .err = err };
	yajl_status status;

	if (limits)
		scan.limits = *limits;
	set_defaults(&scan.limits);
	if (len > scan.limits.max_bytes)
		return err_msg(err, -E2BIG, "JSON text of %zu bytes is longer than the allowed %zu",
			       len, scan.limits.max_bytes);
	scan.yajl = yajl_alloc(&callbacks, NULL, &scan);
	if (!scan.yajl)
		return err_set(err, -ENOMEM, "parse JSON text");
	status = yajl_parse(scan.yajl, (const unsigned char *)text, len);
	if (status == yajl_status_ok) {
		scan.finishing = true;
		status = yajl_complete_parse(scan.yajl);
	}
	if (status != yajl_status_ok && scan.ret == 0)
		scan.ret = syntax_error(&scan);
	yajl_free(scan.yajl);
	return scan.ret;
}
