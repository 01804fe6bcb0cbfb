/* Strict numbers and signals. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <errno.h>
#include <cmocka.h>

#include <signal.h>

#include "base/parse.h"

static void test_u32(void **state)
{
	uint32_t value = 77;

	(void)state;
	assert_int_equal(parse_u32("0", &value), 0);
	assert_int_equal(value, 0);
	assert_int_equal(parse_u32("4294967295", &value), 0);
	assert_true(value == UINT32_MAX);
	assert_int_equal(parse_u32("4294967296", &value), -ERANGE);
	assert_int_equal(parse_u32("99999999999999999999999", &value), -ERANGE);
	assert_true(value == UINT32_MAX);
}

static void test_u64(void **state)
{
	uint64_t value = 0;

	(void)state;
	assert_int_equal(parse_u64("18446744073709551615", &value), 0);
	assert_true(value == UINT64_MAX);
	assert_int_equal(parse_u64("18446744073709551616", &value), -ERANGE);
	assert_int_equal(parse_u64("18446744073709551620", &value), -ERANGE);
	assert_int_equal(parse_u64("0010", &value), 0);
	assert_true(value == 10);
}

static void test_i64(void **state)
{
	int64_t value = 0;

	(void)state;
	assert_int_equal(parse_i64("-9223372036854775808", &value), 0);
	assert_true(value == INT64_MIN);
	assert_int_equal(parse_i64("9223372036854775807", &value), 0);
	assert_true(value == INT64_MAX);
	assert_int_equal(parse_i64("-0", &value), 0);
	assert_true(value == 0);
	assert_int_equal(parse_i64("9223372036854775808", &value), -ERANGE);
	assert_int_equal(parse_i64("-9223372036854775809", &value), -ERANGE);
}

static void test_malformed(void **state)
{
	static const char *const texts[] = { "",    " 1",  "1 ", "+1", "0x1", "1.0",
					     "1e3", "--1", "-",	 "a",  "1a",  "1\n" };
	uint32_t u32;
	uint64_t u64;
	int64_t i64;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		assert_int_equal(parse_u32(texts[i], &u32), -EINVAL);
		assert_int_equal(parse_u64(texts[i], &u64), -EINVAL);
		assert_int_equal(parse_i64(texts[i], &i64), -EINVAL);
	}
	assert_int_equal(parse_u32("-1", &u32), -EINVAL);
	assert_int_equal(parse_u32(NULL, &u32), -EINVAL);
	assert_int_equal(parse_i64(NULL, &i64), -EINVAL);
}

static void test_signals(void **state)
{
	static const struct {
		const char *text;
		int signo;
	} rows[] = {
		{ "0", 0 },
		{ "1", 1 },
		{ "64", 64 },
		{ "TERM", SIGTERM },
		{ "SIGTERM", SIGTERM },
		{ "sigkill", SIGKILL },
		{ "Hup", SIGHUP },
		{ "winch", SIGWINCH },
		{ "CLD", SIGCHLD },
		{ "RTMIN", 34 },
		{ "SIGRTMIN+3", 37 },
		{ "rtmax", 64 },
		{ "SIGRTMAX-1", 63 },
		{ "RTMIN+30", 64 },
		{ "RTMAX-30", 34 },
	};
	int signo = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(parse_signal(rows[i].text, &signo), 0);
		assert_int_equal(signo, rows[i].signo);
	}
}

static void test_bad_signals(void **state)
{
	static const char *const texts[] = { "",	"65",	      "-1",
					     "SIG",	"SIGSIGTERM", "TERMX",
					     "RTMIN+",	"RTMIN-1",    "RTMIN+31",
					     "RTMAX+1", "RTMAX-31",   "RTMIN+99999999999",
					     "RT",	"SIG9" };
	int signo = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_int_equal(parse_signal(texts[i], &signo), -EINVAL);
	assert_int_equal(parse_signal(NULL, &signo), -EINVAL);
	assert_int_equal(signo, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_u32),	cmocka_unit_test(test_u64),
		cmocka_unit_test(test_i64),	cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_signals), cmocka_unit_test(test_bad_signals),
	};

	return cmocka_run_group_tests_name("parse", tests, NULL, NULL);
}
