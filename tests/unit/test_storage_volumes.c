#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "runtime/storage/volumes.h"

static int check(struct share_mount *item, struct strvec *copies, struct error *err)
{
	struct share_mount mounts[] = {
		{ .source = "/r", .target = "c/rootfs", .destination = "/", .is_dir = true },
		*item,
	};
	const struct share share = { .dir = "/share", .mounts = mounts, .n_mounts = 2 };
	auto_arena struct arena arena = { 0 };
	struct volumes volumes = { 0 };

	assert_int_equal(volumes_plan(&volumes, &share, &arena, err), 0);
	assert_int_equal(volumes.n, 2);
	assert_true(volumes.list[0].writable);
	assert_int_equal(volumes.list[1].writable, !item->readonly);
	return volumes_check(&volumes, copies, err);
}

static void what_is_read_only_is_fine(void **state)
{
	struct share_mount dir = { "/d", "c/mount-1", "/in", true, true, true };
	struct share_mount file = { "/f", "c/mount-1", "/file", false, false, true };
	auto_strvec struct strvec copies = { 0 };
	struct error err = { 0 };

	(void)state;
	assert_int_equal(check(&dir, &copies, &err), 0);
	assert_int_equal(check(&file, &copies, &err), 0);
	assert_int_equal(copies.len, 0);
}

static void a_writable_directory_is_named(void **state)
{
	struct share_mount dir = { "/d", "c/mount-1", "/in", true, true, false };
	auto_strvec struct strvec copies = { 0 };
	struct error err = { 0 };

	(void)state;
	assert_int_equal(check(&dir, &copies, &err), -EOPNOTSUPP);
	assert_non_null(strstr(err.text, "error mounting \"/d\" to rootfs at \"/in\": "));
	assert_non_null(strstr(err.text, "(add \"ro\" to the options of the mount)"));
}

static void a_writable_file_is_told_about(void **state)
{
	struct share_mount file = { "/f", "c/mount-1", "/file", false, false, false };
	auto_strvec struct strvec copies = { 0 };
	struct error err = { 0 };

	(void)state;
	assert_int_equal(check(&file, &copies, &err), 0);
	assert_int_equal(copies.len, 1);
	assert_string_equal(copies.items[0],
			    "mount at \"/file\": the container has a copy of \"/f\", changes stay "
			    "in the guest");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_read_only_is_fine),
		cmocka_unit_test(a_writable_directory_is_named),
		cmocka_unit_test(a_writable_file_is_told_about),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
