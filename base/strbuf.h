/* Growing text or byte buffer with a cap. A failed append is remembered: check strbuf_error() once
 * at the end. */
#ifndef BASE_STRBUF_H
#define BASE_STRBUF_H

#include <stdarg.h>
#include <stddef.h>
#include "base/error.h"

/* Zero-initialised is empty. `data` is NUL-terminated whenever it is not NULL; the NUL does not
 * count in len. */
struct strbuf {
	char *data;
	size_t len;
	size_t cap;
	size_t max; /* largest len allowed; 0: STRBUF_DEFAULT_MAX */
	int error;  /* 0, -ENOMEM or -E2BIG, sticky */
};

enum { STRBUF_DEFAULT_MAX = 64 << 20 };

int strbuf_add(struct strbuf *buf, const void *data, size_t len);
int strbuf_adds(struct strbuf *buf, const char *text);
int strbuf_addc(struct strbuf *buf, char c);
int strbuf_addf(struct strbuf *buf, const char *fmt, ...) printf_like(2, 3);
int strbuf_vaddf(struct strbuf *buf, const char *fmt, va_list args) printf_like(2, 0);
/* Makes room for len more bytes and returns where to write them (call strbuf_grown() after); NULL
 * on failure. */
char *strbuf_reserve(struct strbuf *buf, size_t len);
void strbuf_grown(struct strbuf *buf, size_t len);
/* Removes len bytes from the front. */
void strbuf_consume(struct strbuf *buf, size_t len);
/* Empties it and forgets an error; the memory is kept for the next text. */
void strbuf_clear(struct strbuf *buf);
int strbuf_error(const struct strbuf *buf) must_check;
/* The text, "" when empty; owned by buf. */
const char *strbuf_str(const struct strbuf *buf);
/* Hands the heap text to the caller (free()); buf is empty afterwards. NULL after an error, which
 * stays readable. */
char *strbuf_take(struct strbuf *buf);
/* Releases the text; what is left is empty with the same max. */
void strbuf_done(struct strbuf *buf);

#define auto_strbuf __attribute__((cleanup(strbuf_done)))

#endif
