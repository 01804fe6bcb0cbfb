#include "base/error.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { ERRNO_MAX = 4095 };

/* Appends to a text of ERROR_TEXT_MAX bytes, cutting what does not fit. */
static void append(char *text, const char *more)
{
	size_t len = strlen(text);
	size_t room = ERROR_TEXT_MAX - 1 - len;
	size_t n = strnlen(more, room);

	memcpy(text + len, more, n);
	text[len + n] = '\0';
}

static int normal_code(int code)
{
	if (code == 0)
		return -EINVAL;
	/* A positive errno is a slip of the caller; a success made of it would be worse. */
	return code > 0 ? -code : code;
}

/* U+0080 to U+009F in UTF-8, of which terminals take some for the start of a command. */
static bool is_c1_control(const unsigned char *pos)
{
	return pos[0] == 0xc2 && pos[1] >= 0x80 && pos[1] <= 0x9f;
}

/* The text is one line for a terminal, whatever a guest or a file had put into it. */
static void tame(char *text)
{
	for (unsigned char *pos = (unsigned char *)text; *pos; pos++) {
		if (*pos == '\n' || *pos == '\r' || *pos == '\t')
			*pos = ' ';
		else if (*pos < 0x20 || *pos == 0x7f)
			*pos = '?';
		else if (is_c1_control(pos))
			pos[0] = pos[1] = '?';
	}
}

/* The arguments may point into err->text, hence the detour. */
static void printf_like(2, 0) format(char *text, const char *fmt, va_list args)
{
	if (vsnprintf(text, ERROR_TEXT_MAX, fmt, args) < 0)
		text[0] = '\0';
	tame(text);
}

int err_set(struct error *err, int code, const char *fmt, ...)
{
	char text[ERROR_TEXT_MAX];
	va_list args;

	code = normal_code(code);
	if (!err)
		return code;
	va_start(args, fmt);
	format(text, fmt, args);
	va_end(args);
	if (code >= -ERRNO_MAX) {
		int saved = errno;

		append(text, ": ");
		append(text, strerror(-code));
		errno = saved;
	}
	err->code = code;
	memcpy(err->text, text, strlen(text) + 1);
	return code;
}

int err_msg(struct error *err, int code, const char *fmt, ...)
{
	char text[ERROR_TEXT_MAX];
	va_list args;

	code = normal_code(code);
	if (!err)
		return code;
	va_start(args, fmt);
	format(text, fmt, args);
	va_end(args);
	err->code = code;
	memcpy(err->text, text, strlen(text) + 1);
	return code;
}

int err_ctx(struct error *err, const char *fmt, ...)
{
	char text[ERROR_TEXT_MAX];
	va_list args;

	if (!err)
		return -EINVAL;
	va_start(args, fmt);
	format(text, fmt, args);
	va_end(args);
	if (err->code == 0) {
		err->code = -EINVAL;
		err->text[0] = '\0';
	}
	if (err->text[0] != '\0') {
		append(text, ": ");
		append(text, err->text);
	}
	memcpy(err->text, text, strlen(text) + 1);
	return err->code;
}

int err_hint(struct error *err, const char *fmt, ...)
{
	char text[ERROR_TEXT_MAX];
	va_list args;

	if (!err)
		return -EINVAL;
	va_start(args, fmt);
	format(text, fmt, args);
	va_end(args);
	if (err->code == 0) {
		err->code = -EINVAL;
		err->text[0] = '\0';
	}
	append(err->text, " (");
	append(err->text, text);
	append(err->text, ")");
	return err->code;
}

void err_clear(struct error *err)
{
	if (!err)
		return;
	err->code = 0;
	err->text[0] = '\0';
}
