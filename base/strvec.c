#include "base/strvec.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STRVEC_FIRST_CAP = 16 };

/* Takes over text, which may be NULL after a failed allocation. */
static int add_owned(struct strvec *vec, char *text)
{
	if (!vec->error && !text)
		vec->error = -ENOMEM;
	/* One slot more for the NULL. */
	if (!vec->error && vec->len + 1 >= vec->cap) {
		size_t cap = vec->cap ? vec->cap * 2 : STRVEC_FIRST_CAP;
		char **items = NULL;

		if (cap <= SIZE_MAX / sizeof(*items))
			items = realloc(vec->items, cap * sizeof(*items));
		if (items) {
			vec->items = items;
			vec->cap = cap;
		} else {
			vec->error = -ENOMEM;
		}
	}
	if (vec->error) {
		free(text);
		return vec->error;
	}
	vec->items[vec->len++] = text;
	vec->items[vec->len] = NULL;
	return 0;
}

int strvec_add(struct strvec *vec, const char *text)
{
	if (vec->error)
		return vec->error;
	return add_owned(vec, strdup(text));
}

int strvec_addf(struct strvec *vec, const char *fmt, ...)
{
	va_list args;
	char *text = NULL;
	int len;

	if (vec->error)
		return vec->error;
	va_start(args, fmt);
	len = vsnprintf(NULL, 0, fmt, args);
	va_end(args);
	if (len >= 0)
		text = malloc((size_t)len + 1);
	if (text) {
		va_start(args, fmt);
		(void)vsnprintf(text, (size_t)len + 1, fmt, args);
		va_end(args);
	}
	return add_owned(vec, text);
}

int strvec_add_all(struct strvec *vec, const char *const *items)
{
	for (; items && *items; items++) {
		int ret = strvec_add(vec, *items);

		if (ret < 0)
			return ret;
	}
	return vec->error;
}

int strvec_error(const struct strvec *vec)
{
	return vec->error;
}

void strvec_done(struct strvec *vec)
{
	if (!vec)
		return;
	for (size_t i = 0; i < vec->len; i++)
		free(vec->items[i]);
	free(vec->items);
	*vec = (struct strvec){ 0 };
}
