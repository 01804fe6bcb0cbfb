/* What is wrong with a document, and where in it. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "base/cleanup.h"
#include "base/json_internal.h"

enum { PATH_MAX_LEN = 512, PATH_KEY_LEN = 64 };

void json_add_key(struct strbuf *buf, const char *key, size_t len)
{
	size_t n = len < PATH_KEY_LEN ? len : PATH_KEY_LEN;

	for (size_t i = 0; i < n; i++)
		strbuf_addc(buf, (unsigned char)key[i] < ' ' || key[i] == 0x7f ? '?' : key[i]);
	if (n < len)
		strbuf_adds(buf, "...");
}

static void add_path(struct json_decoder *d, struct strbuf *path)
{
	for (size_t i = 0; i < d->n_frames && path->len < PATH_MAX_LEN; i++) {
		const struct json_frame *f = &d->frames[i];
		const char *name = f->key;

		if (f->type)
			name = f->member ? f->member->name : NULL;
		else if (f->row->kind != JSON_MAP && f->row->kind != JSON_OBJ_MAP) {
			strbuf_addf(path, "[%zu]", f->index);
			continue;
		}
		if (!name)
			continue;
		if (path->len)
			strbuf_addc(path, '.');
		json_add_key(path, name, strlen(name));
	}
}

int json_fail(struct json_decoder *d, int code, const char *fmt, ...)
{
	auto_strbuf struct strbuf path = { 0 };
	char text[1024];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	add_path(d, &path);
	return err_msg(d->err, code, "line %zu: %s%s%s", json_line_at(d->text, d->at),
		       strbuf_str(&path), path.len ? ": " : "", text);
}

const char *json_event_name(const struct json_event *ev)
{
	static const char *const names[] = {
		[JSON_EV_NULL] = "null",	  [JSON_EV_BOOL] = "a boolean",
		[JSON_EV_NUMBER] = "a number",	  [JSON_EV_STRING] = "a string",
		[JSON_EV_KEY] = "a key",	  [JSON_EV_MAP_START] = "an object",
		[JSON_EV_MAP_END] = "an object",  [JSON_EV_ARRAY_START] = "an array",
		[JSON_EV_ARRAY_END] = "an array",
	};

	return names[ev->kind];
}

int json_expect(struct json_decoder *d, const struct json_event *ev, enum json_event_kind kind)
{
	const struct json_event wanted = { .kind = kind };

	if (ev->kind == kind)
		return 0;
	return json_fail(d, -EINVAL, "expected %s, got %s", json_event_name(&wanted),
			 json_event_name(ev));
}

int json_no_memory(struct json_decoder *d)
{
	if (d->arena->max_bytes)
		return json_fail(d, -E2BIG,
				 "the document needs more than the allowed %zu bytes of memory",
				 d->arena->max_bytes);
	return json_fail(d, -ENOMEM, "out of memory");
}
