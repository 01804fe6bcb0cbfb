/* Ids: what may become part of a path. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <errno.h>
#include <cmocka.h>

#include "base/name.h"

static void test_valid(void **state)
{
	static const char *const names[] = { "a", "A_b+c.d-9", "...", ".a", "-", "0" };

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_true(name_is_valid(names[i]));
}

static void test_invalid(void **state)
{
	static const char *const names[] = { "",    ".",	"..",  "a/b", "a b",
					     "a\n", "\xc3\xa4", "a:b", "a@b" };

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_false(name_is_valid(names[i]));
	assert_false(name_is_valid(NULL));
}

static void test_every_byte(void **state)
{
	static const char allowed[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+.-";

	(void)state;
	for (int c = 1; c < 256; c++) {
		char name[] = { 'x', (char)c, '\0' };

		assert_int_equal(name_is_valid(name), strchr(allowed, c) != NULL);
	}
}

static void test_length(void **state)
{
	char name[NAME_MAX_LEN + 2];

	(void)state;
	memset(name, 'a', sizeof(name));
	name[NAME_MAX_LEN + 1] = '\0';
	assert_false(name_is_valid(name));
	name[NAME_MAX_LEN] = '\0';
	assert_true(name_is_valid(name));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_valid),
		cmocka_unit_test(test_invalid),
		cmocka_unit_test(test_every_byte),
		cmocka_unit_test(test_length),
	};

	return cmocka_run_group_tests_name("name", tests, NULL, NULL);
}
