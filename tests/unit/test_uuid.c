/* UUIDs: shape, version, difference. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <errno.h>
#include <cmocka.h>

#include "base/uuid.h"

static void test_shape(void **state)
{
	char text[UUID_TEXT_LEN];

	(void)state;
	for (int n = 0; n < 100; n++) {
		uuid_generate_text(text);
		assert_int_equal(strlen(text), 36);
		assert_int_equal(strspn(text, "0123456789abcdef-"), 36);
		assert_true(text[8] == '-' && text[13] == '-' && text[18] == '-' &&
			    text[23] == '-');
		assert_true(text[14] == '4');
		assert_non_null(strchr("89ab", text[19]));
	}
}

static void test_differ(void **state)
{
	char first[UUID_TEXT_LEN], second[UUID_TEXT_LEN];

	(void)state;
	uuid_generate_text(first);
	uuid_generate_text(second);
	assert_string_not_equal(first, second);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shape),
		cmocka_unit_test(test_differ),
	};

	return cmocka_run_group_tests_name("uuid", tests, NULL, NULL);
}
