/* Errors: text, code, context, hint, cutting. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <errno.h>
#include <cmocka.h>

#include "base/error.h"

static void test_set_appends_errno_text(void **state)
{
	struct error err = { 0 };

	(void)state;
	errno = EINTR;
	assert_int_equal(err_set(&err, -ENOENT, "open '%s'", "x"), -ENOENT);
	assert_int_equal(err.code, -ENOENT);
	assert_string_equal(err.text, "open 'x': No such file or directory");
	assert_int_equal(errno, EINTR);
}

static void test_msg_stands_alone(void **state)
{
	struct error err = { 0 };

	(void)state;
	assert_int_equal(err_msg(&err, -ENOENT, "container %d does not exist", 7), -ENOENT);
	assert_string_equal(err.text, "container 7 does not exist");
}

static void test_odd_codes(void **state)
{
	struct error err = { 0 };

	(void)state;
	assert_int_equal(err_set(&err, 0, "x"), -EINVAL);
	assert_string_equal(err.text, "x: Invalid argument");
	assert_int_equal(err_set(&err, EPERM, "x"), -EPERM);
	assert_string_equal(err.text, "x: Operation not permitted");
	assert_int_equal(err_set(&err, -100000, "x"), -100000);
	assert_string_equal(err.text, "x");
	assert_int_equal(err_msg(&err, 0, "y"), -EINVAL);
}

static void test_null(void **state)
{
	(void)state;
	assert_int_equal(err_set(NULL, -EPERM, "x"), -EPERM);
	assert_int_equal(err_set(NULL, 0, "x"), -EINVAL);
	assert_int_equal(err_msg(NULL, -EPERM, "x"), -EPERM);
	assert_int_equal(err_ctx(NULL, "x"), -EINVAL);
	assert_int_equal(err_hint(NULL, "x"), -EINVAL);
	err_clear(NULL);
}

static void test_context_and_hint(void **state)
{
	struct error err = { 0 };

	(void)state;
	(void)err_msg(&err, -EPERM, "inner");
	assert_int_equal(err_ctx(&err, "middle %d", 1), -EPERM);
	assert_int_equal(err_ctx(&err, "outer"), -EPERM);
	assert_int_equal(err_hint(&err, "try %s", "again"), -EPERM);
	assert_string_equal(err.text, "outer: middle 1: inner (try again)");
	err_clear(&err);
	assert_int_equal(err.code, 0);
	assert_string_equal(err.text, "");
	assert_int_equal(err_ctx(&err, "alone"), -EINVAL);
	assert_string_equal(err.text, "alone");
}

static void test_own_text_as_argument(void **state)
{
	struct error err = { 0 };

	(void)state;
	(void)err_msg(&err, -EPERM, "inner");
	(void)err_msg(&err, -EPERM, "outer <%s>", err.text);
	assert_string_equal(err.text, "outer <inner>");
	(void)err_ctx(&err, "[%s]", err.text);
	assert_string_equal(err.text, "[outer <inner>]: outer <inner>");
}

static void test_long_text_is_cut(void **state)
{
	static char big[2 * ERROR_TEXT_MAX];
	struct error err = { 0 };

	(void)state;
	memset(big, 'a', sizeof(big) - 1);
	(void)err_set(&err, -EPERM, "%s", big);
	assert_int_equal(strlen(err.text), ERROR_TEXT_MAX - 1);
	(void)err_ctx(&err, "begin");
	assert_int_equal(strlen(err.text), ERROR_TEXT_MAX - 1);
	assert_memory_equal(err.text, "begin: aaa", 10);
	(void)err_hint(&err, "end");
	assert_int_equal(strlen(err.text), ERROR_TEXT_MAX - 1);
}

static void test_control_characters_are_tamed(void **state)
{
	struct error err = { 0 };

	(void)state;
	(void)err_msg(&err, -EPERM, "'%s'", "a\nb\r\tc\033[31md\177");
	assert_string_equal(err.text, "'a b  c?[31md?'");
	(void)err_ctx(&err, "\xc2\x9b%s", "\xc2\xa0\xc3\xa9");
	assert_string_equal(err.text, "??\xc2\xa0\xc3\xa9: 'a b  c?[31md?'");
	(void)err_msg(&err, -EPERM, "cut \xc2");
	assert_string_equal(err.text, "cut \xc2");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_set_appends_errno_text),
		cmocka_unit_test(test_msg_stands_alone),
		cmocka_unit_test(test_odd_codes),
		cmocka_unit_test(test_null),
		cmocka_unit_test(test_context_and_hint),
		cmocka_unit_test(test_own_text_as_argument),
		cmocka_unit_test(test_long_text_is_cut),
		cmocka_unit_test(test_control_characters_are_tamed),
	};

	return cmocka_run_group_tests_name("error", tests, NULL, NULL);
}
