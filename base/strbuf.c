#include "base/strbuf.h"

#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STRBUF_FIRST_CAP = 64 };

static int fail(struct strbuf *buf, int code)
{
	if (!buf->error)
		buf->error = code;
	return buf->error;
}

/* Makes cap hold len more bytes and the NUL. */
static int make_room(struct strbuf *buf, size_t len)
{
	size_t max = buf->max ? buf->max : STRBUF_DEFAULT_MAX;
	size_t cap = buf->cap ? buf->cap : STRBUF_FIRST_CAP;
	size_t need;
	char *data;

	if (buf->error)
		return buf->error;
	if (max > SIZE_MAX / 2)
		max = SIZE_MAX / 2;
	if (buf->len > max || len > max - buf->len)
		return fail(buf, -E2BIG);
	need = buf->len + len + 1;
	if (need <= buf->cap)
		return 0;
	while (cap < need)
		cap *= 2;
	if (cap > max + 1)
		cap = max + 1;
	data = realloc(buf->data, cap);
	if (!data)
		return fail(buf, -ENOMEM);
	data[buf->len] = '\0';
	buf->data = data;
	buf->cap = cap;
	return 0;
}

int strbuf_add(struct strbuf *buf, const void *data, size_t len)
{
	int ret = make_room(buf, len);

	if (ret < 0)
		return ret;
	if (len)
		memcpy(buf->data + buf->len, data, len);
	strbuf_grown(buf, len);
	return 0;
}

int strbuf_adds(struct strbuf *buf, const char *text)
{
	return strbuf_add(buf, text, strlen(text));
}

int strbuf_addc(struct strbuf *buf, char c)
{
	return strbuf_add(buf, &c, 1);
}

int strbuf_addf(struct strbuf *buf, const char *fmt, ...)
{
	va_list args;
	int ret;

	va_start(args, fmt);
	ret = strbuf_vaddf(buf, fmt, args);
	va_end(args);
	return ret;
}

int strbuf_vaddf(struct strbuf *buf, const char *fmt, va_list args)
{
	va_list again;
	int len, ret;

	va_copy(again, args);
	len = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	if (len < 0)
		return fail(buf, -E2BIG);
	ret = make_room(buf, (size_t)len);
	if (ret < 0)
		return ret;
	(void)vsnprintf(buf->data + buf->len, (size_t)len + 1, fmt, args);
	buf->len += (size_t)len;
	return 0;
}

char *strbuf_reserve(struct strbuf *buf, size_t len)
{
	return make_room(buf, len) < 0 ? NULL : buf->data + buf->len;
}

void strbuf_grown(struct strbuf *buf, size_t len)
{
	assert(len < buf->cap - buf->len);
	buf->len += len;
	buf->data[buf->len] = '\0';
}

void strbuf_consume(struct strbuf *buf, size_t len)
{
	assert(len <= buf->len);
	if (len == 0)
		return;
	buf->len -= len;
	memmove(buf->data, buf->data + len, buf->len + 1);
}

void strbuf_clear(struct strbuf *buf)
{
	buf->len = 0;
	buf->error = 0;
	if (buf->data)
		buf->data[0] = '\0';
}

int strbuf_error(const struct strbuf *buf)
{
	return buf->error;
}

const char *strbuf_str(const struct strbuf *buf)
{
	return buf->data ? buf->data : "";
}

char *strbuf_take(struct strbuf *buf)
{
	char *data;

	/* Gives an empty text a byte to live in. */
	if (make_room(buf, 0) < 0) {
		int error = buf->error;

		strbuf_done(buf);
		buf->error = error;
		return NULL;
	}
	data = buf->data;
	buf->data = NULL;
	strbuf_done(buf);
	return data;
}

void strbuf_done(struct strbuf *buf)
{
	if (!buf)
		return;
	free(buf->data);
	*buf = (struct strbuf){ .max = buf->max };
}
