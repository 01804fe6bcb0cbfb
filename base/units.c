#include "base/units.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* Larger than any amount that is meant, and exact as a double. */
static const double limit = 9007199254740992.0;

/* Reads "12" or "1.5" and moves *at behind it; a negative number when there is none. */
static double take_decimal(const char **at)
{
	const char *p = *at;
	double value = 0;
	double place = 1;
	bool any = false;

	for (; isdigit((unsigned char)*p); p++, any = true)
		value = value * 10 + (*p - '0');
	if (*p == '.')
		for (p++; isdigit((unsigned char)*p); p++, any = true)
			value += (*p - '0') * (place /= 10);
	*at = p;
	return any ? value : -1;
}

int units_parse_bytes(const char *text, int64_t *out)
{
	static const char letters[] = "kmgtp";
	double value = take_decimal(&text);
	const char *letter;

	if (value < 0)
		return -EINVAL;
	text += *text == ' ';
	letter = *text ? strchr(letters, tolower((unsigned char)*text)) : NULL;
	if (letter) {
		for (const char *p = letters; p <= letter; p++)
			value *= 1024;
		text++;
		if (tolower((unsigned char)*text) == 'i' && tolower((unsigned char)text[1]) == 'b')
			text++;
	}
	text += tolower((unsigned char)*text) == 'b';
	if (*text)
		return -EINVAL;
	if (value >= limit)
		return -ERANGE;
	*out = (int64_t)value;
	return 0;
}

static const struct {
	const char *name;
	double ms;
} durations[] = {
	/* the longer names first where one begins with another */
	{ "ns", 1e-6 }, { "us", 1e-3 },	    { "\xc2\xb5s", 1e-3 }, { "ms", 1 },
	{ "s", 1000 },	{ "m", 60 * 1000 }, { "h", 3600 * 1000 },
};

static double take_unit(const char **at)
{
	for (size_t i = 0; i < sizeof(durations) / sizeof(durations[0]); i++) {
		size_t len = strlen(durations[i].name);

		if (strncmp(*at, durations[i].name, len) == 0) {
			*at += len;
			return durations[i].ms;
		}
	}
	return 0;
}

int units_parse_duration_ms(const char *text, int64_t *out)
{
	bool negative = *text == '-';
	double total = 0;

	text += *text == '-' || *text == '+';
	if (strcmp(text, "0") == 0) {
		*out = 0;
		return 0;
	}
	if (!*text)
		return -EINVAL;
	while (*text) {
		double value = take_decimal(&text);
		double unit = take_unit(&text);

		if (value < 0 || unit <= 0)
			return -EINVAL;
		total += value * unit;
	}
	if (total >= limit)
		return -ERANGE;
	*out = (int64_t)(negative ? -total : total);
	return 0;
}
