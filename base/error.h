/* Errors that carry their story: a negative errno and one line of text, built from the inside out.
 */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include <stdarg.h>

#define must_check	       __attribute__((warn_unused_result))
#define printf_like(fmt, args) __attribute__((format(printf, fmt, args)))

enum { ERROR_TEXT_MAX = 4096 };

/* Lives on the caller's stack; needs no release. `code` is a negative errno, 0 while unset. */
struct error {
	int code;
	char text[ERROR_TEXT_MAX];
};

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Records a failure: `text` becomes the formatted message and, when code is a negative errno, ": "
 * and its errno text. A code of 0 is taken as -EINVAL. Returns the (negative) code, so that callers
 * can write `return err_set(err, ret, "open '%s'", path)`. `err` may be NULL (only the code is
 * returned). Too long a text is cut at the end. Control characters, which only arguments from
 * outside can bring along, become blanks ('\n', '\r', '\t') or '?': a text is one line and no
 * command to a terminal.
 */
int err_set(struct error *err, int code, const char *fmt, ...) printf_like(3, 4);

/* As err_set(), but the text stands alone: for messages whose wording clients match on. */
int err_msg(struct error *err, int code, const char *fmt, ...) printf_like(3, 4);

/* Puts "<context>: " before the text. Returns err->code (or -EINVAL when err is NULL or unset). */
int err_ctx(struct error *err, const char *fmt, ...) printf_like(2, 3);

/* Adds " (<hint>)" behind the text: what the reader can do about it. Returns err->code. */
int err_hint(struct error *err, const char *fmt, ...) printf_like(2, 3);

/* Forgets what is recorded. */
void err_clear(struct error *err);

#ifdef __cplusplus
}
#endif

#endif
