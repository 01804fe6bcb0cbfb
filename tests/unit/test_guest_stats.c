#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>
#include "agent/guest/numbers.h"
#include "agent/guest/stats.h"

static void test_numbers(void **state)
{
	const char *text = "  12 -7 x 99999999999999999999";

	(void)state;
	assert_int_equal(numbers_take(&text), 12);
	assert_int_equal(numbers_take(&text), -7);
	assert_int_equal(numbers_take(&text), 0);
	assert_string_equal(text, "x 99999999999999999999");
	text += 1;
	assert_true(numbers_take(&text) == INT64_MAX);
	assert_string_equal(text, "");
}

static void test_keys(void **state)
{
	static const char text[] = "oom 1\noom_kill 3\nmax 18446744073709551615\n";

	(void)state;
	assert_int_equal(numbers_find_key(text, "oom"), 1);
	assert_int_equal(numbers_find_key(text, "oom_kill"), 3);
	assert_int_equal(numbers_find_key(text, "oom_"), -1);
	assert_int_equal(numbers_find_key("", "oom"), -1);
	assert_true(numbers_find_key(text, "max") == INT64_MAX);
}

static void test_psi(void **state)
{
	struct call_psi psi;

	(void)state;
	assert_true(stats_parse_psi("some avg10=1.50 avg60=2.00 avg300=0.25 total=77\n"
				    "full avg10=0.00 avg60=0.00 avg300=0.00 total=5\n",
				    &psi));
	assert_true(psi.some.avg10 > 1.49 && psi.some.avg10 < 1.51);
	assert_int_equal(psi.some.total_us, 77);
	assert_int_equal(psi.full.total_us, 5);
	assert_false(stats_parse_psi("", &psi));
	assert_false(stats_parse_psi("some avg10=x\n", &psi));
}

static void test_io(void **state)
{
	struct call_stats_io rows[2];

	(void)state;
	assert_int_equal(stats_parse_io("8:16 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6\n"
					"254:0 rbytes=7\n9:9 rbytes=1\n",
					rows, 2),
			 2);
	assert_int_equal(rows[0].major, 8);
	assert_int_equal(rows[0].minor, 16);
	assert_int_equal(rows[0].read_bytes, 1);
	assert_int_equal(rows[0].write_bytes, 2);
	assert_int_equal(rows[0].reads, 3);
	assert_int_equal(rows[0].writes, 4);
	assert_int_equal(rows[0].discard_bytes, 5);
	assert_int_equal(rows[0].discards, 6);
	assert_int_equal(rows[1].major, 254);
	assert_int_equal(rows[1].read_bytes, 7);
	assert_int_equal(rows[1].write_bytes, 0);
	assert_int_equal(stats_parse_io("nothing\n\n", rows, 2), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_psi),
		cmocka_unit_test(test_io),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
