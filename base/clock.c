#include "base/clock.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

int64_t clock_now_us(void)
{
	struct timespec now = { 0 };

	/* CLOCK_MONOTONIC cannot fail on Linux. */
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t clock_now_ms(void)
{
	return clock_now_us() / 1000;
}

void clock_rfc3339(char out[static CLOCK_TEXT_LEN])
{
	struct timespec now = { 0 };
	struct tm tm = { 0 };
	char seconds[24];

	(void)clock_gettime(CLOCK_REALTIME, &now);
	(void)gmtime_r(&now.tv_sec, &tm);
	if (strftime(seconds, sizeof(seconds), "%Y-%m-%dT%H:%M:%S", &tm) == 0)
		seconds[0] = '\0';
	(void)snprintf(out, CLOCK_TEXT_LEN, "%s.%09uZ", seconds,
		       (unsigned)now.tv_nsec % 1000000000U);
}
