#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "base/units.h"

static void assert_bytes(const char *text, int64_t expected)
{
	int64_t value = -7;

	assert_int_equal(units_parse_bytes(text, &value), 0);
	assert_true(value == expected);
}

static void test_bytes(void **state)
{
	static const char *const bad[] = { "", "m", "-1", "1x", "1mm", "1 2", "0x10", "1ki" };
	int64_t value;

	(void)state;
	assert_bytes("0", 0);
	assert_bytes("1048576", 1048576);
	assert_bytes("64m", 64 << 20);
	assert_bytes("64MB", 64 << 20);
	assert_bytes("64 MiB", 64 << 20);
	assert_bytes("1.5g", 3LL << 29);
	assert_bytes("2t", 2LL << 40);
	assert_bytes("10b", 10);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(units_parse_bytes(bad[i], &value), -EINVAL);
	assert_int_equal(units_parse_bytes("9999999999999p", &value), -ERANGE);
}

static void assert_duration(const char *text, int64_t expected)
{
	int64_t value = -7;

	assert_int_equal(units_parse_duration_ms(text, &value), 0);
	assert_true(value == expected);
}

static void test_durations(void **state)
{
	static const char *const bad[] = { "", "5", "s", "1x", "5s3", "-", "1..5s" };
	int64_t value;

	(void)state;
	assert_duration("5s", 5000);
	assert_duration("1m30s", 90000);
	assert_duration("1.5h", 5400000);
	assert_duration("250ms", 250);
	assert_duration("1us", 0);
	assert_duration("0", 0);
	assert_duration("-2s", -2000);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(units_parse_duration_ms(bad[i], &value), -EINVAL);
	assert_int_equal(units_parse_duration_ms("99999999999999999h", &value), -ERANGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_durations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
