/* Clocks: monotonic, in step with each other, RFC 3339. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <errno.h>
#include <cmocka.h>

#include <stdio.h>
#include <time.h>

#include "base/clock.h"

static void test_monotonic(void **state)
{
	int64_t last = clock_now_us();

	(void)state;
	assert_true(last > 0);
	for (int i = 0; i < 1000; i++) {
		int64_t now = clock_now_us();

		assert_true(now >= last);
		last = now;
	}
}

static void test_units_agree(void **state)
{
	int64_t before_us = clock_now_us();
	int64_t ms = clock_now_ms();
	int64_t after_us = clock_now_us();

	(void)state;
	assert_true(ms >= before_us / 1000 && ms <= after_us / 1000);
}

static void test_rfc3339(void **state)
{
	char text[CLOCK_TEXT_LEN];
	struct tm tm = { 0 };
	unsigned nanoseconds;
	char zone, rest;
	time_t before = time(NULL);

	(void)state;
	clock_rfc3339(text);
	assert_int_equal(strlen(text), strlen("2024-01-02T03:04:05.123456789Z"));
	assert_int_equal(sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2d.%9u%c%c", &tm.tm_year, &tm.tm_mon,
				&tm.tm_mday, &tm.tm_hour, &tm.tm_min, &tm.tm_sec, &nanoseconds,
				&zone, &rest),
			 8);
	assert_int_equal(zone, 'Z');
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	/* time() may read a coarser clock that is a tick behind. */
	assert_true(timegm(&tm) >= before && timegm(&tm) <= time(NULL) + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_monotonic),
		cmocka_unit_test(test_units_agree),
		cmocka_unit_test(test_rfc3339),
	};

	return cmocka_run_group_tests_name("clock", tests, NULL, NULL);
}
