#include "agent/proto/crc32c.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

static void test_it_is_castagnolis(void **state)
{
	(void)state;
	assert_int_equal(crc32c_add(0, "123456789", 9), 0xe3069283);
	assert_int_equal(crc32c_add(crc32c_add(0, "1234", 4), "56789", 5), 0xe3069283);
}

/* Eight bytes at a time or one by one: the same, wherever it is cut. */
static void test_pieces_make_the_whole(void **state)
{
	char data[100];
	uint32_t whole;

	(void)state;
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (char)(i * 37);
	whole = crc32c_add(0, data, sizeof(data));
	for (size_t cut = 0; cut <= sizeof(data); cut++)
		assert_int_equal(crc32c_add(crc32c_add(0, data, cut), data + cut,
					    sizeof(data) - cut),
				 whole);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_it_is_castagnolis),
		cmocka_unit_test(test_pieces_make_the_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
