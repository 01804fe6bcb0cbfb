/* Module lists, dependencies and aliases of the guest. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "agent/guest/modules.h"

static void expect_names(const char *list, const char *const *names)
{
	char name[MODULE_NAME_MAX];

	while (*names) {
		assert_true(modules_next_name(&list, name));
		assert_string_equal(name, *names++);
	}
	assert_false(modules_next_name(&list, name));
	assert_int_equal(*list, '\0');
}

static void test_list(void **state)
{
	(void)state;
	expect_names("", (const char *const[]){ NULL });
	expect_names("virtio\nvirtio_ring\n",
		     (const char *const[]){ "virtio", "virtio_ring", NULL });
	expect_names("  a-b \t# why\n\n# c\n\r\nlast",
		     (const char *const[]){ "a-b", "last", NULL });
}

static void test_list_skips_what_is_no_name(void **state)
{
	char list[MODULE_NAME_MAX + 16];

	(void)state;
	expect_names("../evil\na/b\ntwo words\n9p\n", (const char *const[]){ "9p", NULL });
	memset(list, 'x', MODULE_NAME_MAX);
	memcpy(list + MODULE_NAME_MAX, "\nok\n", 5);
	expect_names(list, (const char *const[]){ "ok", NULL });
	memmove(list, list + 1, sizeof(list) - 1); /* now one shorter: the longest that fits */
	assert_true(modules_next_name(&(const char *){ list }, (char[MODULE_NAME_MAX]){ 0 }));
}

static void test_deps(void **state)
{
	static const char table[] = "virtio:\nvirtio_pci: virtio virtio_ring\n9p: netfs\n";

	(void)state;
	assert_true(strncmp(modules_find_deps(table, "virtio_pci"), " virtio virtio_ring\n", 20) ==
		    0);
	assert_ptr_equal(modules_find_deps(table, "virtio-pci"),
			 modules_find_deps(table, "virtio_pci"));
	assert_true(modules_find_deps(table, "virtio")[0] == '\n');
	assert_null(modules_find_deps(table, "virti"));
	assert_null(modules_find_deps(table, "virtio_pci_x"));
	assert_null(modules_find_deps("", "a"));
}

static void test_aliases(void **state)
{
	static const char table[] =
		"fs-9p 9p\ncrc32c crc32c_generic\ncrc32c crc32c_intel\nbroken\nbad ../x\n";
	const char *at = table;
	char name[MODULE_NAME_MAX];

	(void)state;
	assert_true(modules_next_alias(&at, "crc32c", name));
	assert_string_equal(name, "crc32c_generic");
	assert_true(modules_next_alias(&at, "crc32c", name));
	assert_string_equal(name, "crc32c_intel");
	assert_false(modules_next_alias(&at, "crc32c", name));
	at = table;
	assert_true(modules_next_alias(&at, "fs_9p", name));
	assert_string_equal(name, "9p");
	at = table;
	assert_false(modules_next_alias(&at, "fs-", name));
	at = table;
	assert_false(modules_next_alias(&at, "broken", name));
	at = table;
	assert_false(modules_next_alias(&at, "bad", name));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_list),
		cmocka_unit_test(test_list_skips_what_is_no_name),
		cmocka_unit_test(test_deps),
		cmocka_unit_test(test_aliases),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
