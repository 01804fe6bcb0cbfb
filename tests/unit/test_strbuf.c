/* Buffers: growing, limits, sticky errors, hand-over. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <errno.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "base/strbuf.h"

static void test_append(void **state)
{
	auto_strbuf struct strbuf buf = { 0 };

	(void)state;
	assert_string_equal(strbuf_str(&buf), "");
	assert_int_equal(strbuf_adds(&buf, "ab"), 0);
	assert_int_equal(strbuf_addc(&buf, 'c'), 0);
	assert_int_equal(strbuf_addf(&buf, "%03d", 7), 0);
	assert_int_equal(strbuf_add(&buf, "\0z", 2), 0);
	assert_int_equal(buf.len, 8);
	assert_memory_equal(buf.data, "abc007\0z", 9);
	assert_int_equal(strbuf_add(&buf, NULL, 0), 0);
}

static void test_growth(void **state)
{
	auto_strbuf struct strbuf buf = { 0 };

	(void)state;
	for (int i = 0; i < 10000; i++)
		assert_int_equal(strbuf_addf(&buf, "%04d", i), 0);
	assert_int_equal(buf.len, 40000);
	assert_memory_equal(buf.data + 4 * 1234, "1234", 4);
	assert_int_equal(strlen(buf.data), 40000);
}

static void test_max_is_exact_and_sticky(void **state)
{
	auto_strbuf struct strbuf buf = { .max = 5 };

	(void)state;
	assert_int_equal(strbuf_adds(&buf, "12345"), 0);
	assert_int_equal(strbuf_error(&buf), 0);
	assert_int_equal(strbuf_addc(&buf, '6'), -E2BIG);
	assert_int_equal(strbuf_add(&buf, "", 0), -E2BIG);
	assert_int_equal(strbuf_addf(&buf, "x"), -E2BIG);
	assert_null(strbuf_reserve(&buf, 0));
	assert_int_equal(strbuf_error(&buf), -E2BIG);
	assert_string_equal(strbuf_str(&buf), "12345");
	strbuf_clear(&buf);
	assert_int_equal(strbuf_error(&buf), 0);
	assert_int_equal(strbuf_adds(&buf, "abc"), 0);
	assert_string_equal(strbuf_str(&buf), "abc");
}

static void test_reserve(void **state)
{
	auto_strbuf struct strbuf buf = { .max = 1000 };
	char *room = strbuf_reserve(&buf, 1000);

	(void)state;
	assert_non_null(room);
	memset(room, 'x', 1000);
	strbuf_grown(&buf, 10);
	assert_string_equal(strbuf_str(&buf), "xxxxxxxxxx");
	assert_null(strbuf_reserve(&buf, 991));
	assert_int_equal(strbuf_error(&buf), -E2BIG);
	strbuf_clear(&buf);
	assert_null(strbuf_reserve(&buf, SIZE_MAX));
}

static void test_consume(void **state)
{
	auto_strbuf struct strbuf buf = { 0 };

	(void)state;
	strbuf_consume(&buf, 0);
	strbuf_adds(&buf, "abcdef");
	strbuf_consume(&buf, 2);
	assert_string_equal(strbuf_str(&buf), "cdef");
	strbuf_consume(&buf, 4);
	assert_string_equal(strbuf_str(&buf), "");
	assert_int_equal(buf.len, 0);
}

static void test_take(void **state)
{
	struct strbuf buf = { .max = 3 };
	auto_free char *empty = strbuf_take(&buf);
	auto_free char *text = NULL;

	(void)state;
	assert_string_equal(empty, "");
	strbuf_adds(&buf, "abc");
	text = strbuf_take(&buf);
	assert_string_equal(text, "abc");
	assert_null(buf.data);
	assert_int_equal(buf.max, 3);
	assert_int_equal(strbuf_adds(&buf, "abcd"), -E2BIG);
	assert_null(strbuf_take(&buf));
	assert_int_equal(strbuf_error(&buf), -E2BIG);
	strbuf_done(&buf);
	strbuf_done(&buf);
	strbuf_done(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_append),
		cmocka_unit_test(test_growth),
		cmocka_unit_test(test_max_is_exact_and_sticky),
		cmocka_unit_test(test_reserve),
		cmocka_unit_test(test_consume),
		cmocka_unit_test(test_take),
	};

	return cmocka_run_group_tests_name("strbuf", tests, NULL, NULL);
}
