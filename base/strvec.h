/* NULL-terminated vector of heap strings: argv and environment. Errors are sticky as in strbuf. */
#ifndef BASE_STRVEC_H
#define BASE_STRVEC_H

#include <stddef.h>
#include "base/error.h"

/* Zero-initialised is empty. `items` is NULL or terminated by NULL. */
struct strvec {
	char **items;
	size_t len;
	size_t cap;
	int error;
};

int strvec_add(struct strvec *vec, const char *text);
int strvec_addf(struct strvec *vec, const char *fmt, ...) printf_like(2, 3);
/* Adds every item up to the NULL. */
int strvec_add_all(struct strvec *vec, const char *const *items);
int strvec_error(const struct strvec *vec) must_check;
void strvec_done(struct strvec *vec);

#define auto_strvec __attribute__((cleanup(strvec_done)))

#endif
