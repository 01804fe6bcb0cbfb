#include "agent/guest/restore.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

static void assert_decodes(const char *text, const char *expected)
{
	uint8_t out[64];
	int n = restore_decode_base64(text, out, sizeof(out));

	assert_int_equal(n, strlen(expected));
	assert_memory_equal(out, expected, strlen(expected));
}

static void test_base64(void **state)
{
	(void)state;
	assert_decodes("", "");
	assert_decodes("Zg==", "f");
	assert_decodes("Zm8=", "fo");
	assert_decodes("Zm9v", "foo");
	assert_decodes("Zm9vYmFy", "foobar");
	assert_decodes("/+/+", "\xff\xef\xfe");
}

static void test_no_base64(void **state)
{
	static const char *const texts[] = { "Z",    "Zg",   "Zg=",  "Zg===", "=",
					     "====", "Z===", "Zm9-", "Zm\n=", "Zg==Zg==" };
	uint8_t out[64];

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_int_equal(restore_decode_base64(texts[i], out, sizeof(out)), -EINVAL);
}

static void test_base64_beyond_the_buffer(void **state)
{
	uint8_t out[3] = { 0, 0, 7 };

	(void)state;
	assert_int_equal(restore_decode_base64("Zm9v", out, 2), -E2BIG);
	assert_int_equal(out[2], 7);
	assert_int_equal(restore_decode_base64("Zm8=", out, 2), 2);
}

static void test_bad_seeds_are_refused(void **state)
{
	struct error err = { 0 };

	(void)state;
	assert_int_equal(restore_seed("Zm9v", &err), -EINVAL);
	assert_string_equal(err.text, "the seed must be 32 to 1024 bytes in base64");
	err_clear(&err);
	assert_int_equal(restore_seed("not base64", &err), -EINVAL);
}

static void test_bad_times_are_refused(void **state)
{
	struct error err = { 0 };

	(void)state;
	assert_int_equal(restore_time(-1, 0, &err), -EINVAL);
	err_clear(&err);
	assert_int_equal(restore_time(1, 1000000000, &err), -EINVAL);
	assert_string_equal(err.text, "a time of 1 s and 1000000000 ns does not exist");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_base64),
		cmocka_unit_test(test_no_base64),
		cmocka_unit_test(test_base64_beyond_the_buffer),
		cmocka_unit_test(test_bad_seeds_are_refused),
		cmocka_unit_test(test_bad_times_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
