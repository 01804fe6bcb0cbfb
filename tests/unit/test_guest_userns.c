#include "agent/guest/userns.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static struct oci_id_mapping rows[] = {
	{ .container_id = 0, .host_id = 100000, .size = 1000 },
	{ .container_id = 5000, .host_id = 7, .size = 2 },
	{ .container_id = UINT32_MAX - 1, .host_id = 1, .size = 1 },
};
static const struct json_objs mappings = { .items = rows, .len = 3 };

static void test_map(void **state)
{
	uint32_t id = 42;

	(void)state;
	assert_true(userns_map(&mappings, 0, &id));
	assert_int_equal(id, 100000);
	assert_true(userns_map(&mappings, 999, &id));
	assert_int_equal(id, 100999);
	assert_true(userns_map(&mappings, 5001, &id));
	assert_int_equal(id, 8);
	assert_true(userns_map(&mappings, UINT32_MAX - 1, &id));
	assert_int_equal(id, 1);
	assert_false(userns_map(&mappings, 1000, &id));
	assert_false(userns_map(&mappings, 5002, &id));
	assert_false(userns_map(&mappings, UINT32_MAX, &id));
	assert_false(userns_map(&(struct json_objs){ 0 }, 0, &id));
	assert_int_equal(id, 1);
}

static void test_format(void **state)
{
	auto_strbuf struct strbuf text = { 0 };

	(void)state;
	userns_format_map(&mappings, &text);
	assert_int_equal(strbuf_error(&text), 0);
	assert_string_equal(strbuf_str(&text), "0 100000 1000\n5000 7 2\n4294967294 1 1\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_map),
		cmocka_unit_test(test_format),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
