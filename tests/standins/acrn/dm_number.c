#include "tests/standins/acrn/dm_number.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>

int dm_number(const char *text, int base, uint64_t *value, const char **end)
{
	char *stop;

	errno = 0;
	*value = strtoul(text, &stop, base);
	if (end)
		*end = stop;
	if (stop == text)
		return -EINVAL;
	return errno == ERANGE ? -ERANGE : 0;
}

int dm_int(const char *text, int *value)
{
	uint64_t number = 0;
	int ret = isdigit((unsigned char)*text) ? dm_number(text, 10, &number, NULL) : -EINVAL;

	if (ret == 0 && number > INT_MAX)
		ret = -ERANGE;
	*value = ret == 0 ? (int)number : 0;
	return ret;
}
