#include "agent/guest/fail.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Go's clients call two errnos by other names than the C library does. */
static const char *errno_text(int number)
{
	if (number == EXDEV)
		return "invalid cross-device link";
	if (number == ELOOP)
		return "too many levels of symbolic links";
	return strerror(number);
}

int fail_set(struct error *err, int code, const char *fmt, ...)
{
	char text[ERROR_TEXT_MAX / 2];
	const char *reason;
	va_list args;

	if (code >= 0)
		code = code ? -code : -EINVAL;
	va_start(args, fmt);
	if (vsnprintf(text, sizeof(text), fmt, args) < 0)
		text[0] = '\0';
	va_end(args);
	reason = errno_text(-code);
	return err_msg(err, code, "%s: %c%s", text, tolower((unsigned char)reason[0]), reason + 1);
}
