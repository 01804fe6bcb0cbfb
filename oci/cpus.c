#include "oci/cpus.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

static void skip_blanks(const char **at)
{
	*at += strspn(*at, " \t");
}

static int take_number(const char **at, unsigned *number)
{
	skip_blanks(at);
	if (!isdigit((unsigned char)**at))
		return -EINVAL;
	for (*number = 0; isdigit((unsigned char)**at); (*at)++) {
		*number = *number * 10 + (unsigned)(**at - '0');
		if (*number >= CPU_SETSIZE)
			return -ERANGE;
	}
	skip_blanks(at);
	return 0;
}

/* One number, or two with a dash between them. */
static int take_range(const char **at, cpu_set_t *set)
{
	unsigned first = 0, last;
	int ret = take_number(at, &first);

	last = first;
	if (ret == 0 && **at == '-') {
		(*at)++;
		ret = take_number(at, &last);
	}
	if (ret == 0 && last < first)
		ret = -EINVAL;
	for (unsigned cpu = first; ret == 0 && cpu <= last; cpu++)
		CPU_SET(cpu, set);
	return ret;
}

int oci_cpus_parse(const char *text, cpu_set_t *set)
{
	int ret;

	CPU_ZERO(set);
	do {
		ret = take_range(&text, set);
	} while (ret == 0 && *text == ',' && *text++);
	return ret == 0 && *text ? -EINVAL : ret;
}
