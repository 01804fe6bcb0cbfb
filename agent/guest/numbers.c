#include "agent/guest/numbers.h"

#include <ctype.h>
#include <string.h>

int64_t numbers_take(const char **at)
{
	const char *p = *at + strspn(*at, " \t");
	int negative = *p == '-' && isdigit((unsigned char)p[1]);
	int64_t value = 0;

	for (p += negative; isdigit((unsigned char)*p); p++)
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, *p - '0', &value))
			value = INT64_MAX;
	*at = p;
	return negative ? -value : value;
}

int64_t numbers_find_key(const char *text, const char *key)
{
	size_t len = strlen(key);

	for (const char *at = text; *at; at += strspn(at, "\n")) {
		const char *number = at + len;

		if (strncmp(at, key, len) == 0 && *number == ' ')
			return numbers_take(&number);
		at += strcspn(at, "\n");
	}
	return -1;
}
