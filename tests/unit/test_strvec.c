/* String vectors: always terminated, copies, sticky errors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <errno.h>
#include <cmocka.h>

#include "base/strvec.h"

static void test_add(void **state)
{
	auto_strvec struct strvec vec = { 0 };
	char text[] = "abc";

	(void)state;
	assert_int_equal(strvec_add(&vec, text), 0);
	text[0] = 'x';
	assert_int_equal(strvec_addf(&vec, "%s=%d", "n", 3), 0);
	assert_int_equal(vec.len, 2);
	assert_string_equal(vec.items[0], "abc");
	assert_string_equal(vec.items[1], "n=3");
	assert_null(vec.items[2]);
}

static void test_many_stay_terminated(void **state)
{
	auto_strvec struct strvec vec = { 0 };

	(void)state;
	for (size_t i = 0; i < 1000; i++) {
		assert_int_equal(strvec_addf(&vec, "%zu", i), 0);
		assert_int_equal(vec.len, i + 1);
		assert_null(vec.items[i + 1]);
	}
	assert_string_equal(vec.items[999], "999");
	assert_int_equal(strvec_error(&vec), 0);
}

static void test_add_all(void **state)
{
	static const char *const items[] = { "a", "b", NULL };
	auto_strvec struct strvec vec = { 0 };

	(void)state;
	assert_int_equal(strvec_add_all(&vec, NULL), 0);
	assert_null(vec.items);
	assert_int_equal(strvec_add_all(&vec, items), 0);
	assert_int_equal(strvec_add_all(&vec, items), 0);
	assert_int_equal(vec.len, 4);
	assert_string_equal(vec.items[3], "b");
}

static void test_error_is_sticky(void **state)
{
	static const char *const items[] = { "a", NULL };
	auto_strvec struct strvec vec = { .error = -ENOMEM };

	(void)state;
	assert_int_equal(strvec_add(&vec, "a"), -ENOMEM);
	assert_int_equal(strvec_addf(&vec, "a"), -ENOMEM);
	assert_int_equal(strvec_add_all(&vec, items), -ENOMEM);
	assert_int_equal(vec.len, 0);
	strvec_done(&vec);
	assert_int_equal(strvec_error(&vec), 0);
	strvec_done(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_add),
		cmocka_unit_test(test_many_stay_terminated),
		cmocka_unit_test(test_add_all),
		cmocka_unit_test(test_error_is_sticky),
	};

	return cmocka_run_group_tests_name("strvec", tests, NULL, NULL);
}
