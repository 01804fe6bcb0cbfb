#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "agent/guest/storage.h"

static void only_disks_are_disks(void **state)
{
	static const char *const no_disks[] = { "",	"vd",	  "sda",  "vdA",	  "vda1",
						"vd/a", "../vda", "vda ", "vdabcdefghij", "xvda" };

	(void)state;
	assert_true(storage_is_disk("vda"));
	assert_true(storage_is_disk("vdz"));
	assert_true(storage_is_disk("vdab"));
	for (size_t i = 0; i < sizeof(no_disks) / sizeof(no_disks[0]); i++)
		assert_false(storage_is_disk(no_disks[i]));
}

/* Refused by its words, before anything is touched. */
static void assert_refused(struct call_mountimage call, const char *text)
{
	struct call_mountimage_reply reply;
	struct error err = { 0 };

	assert_int_equal(storage_mount_image(&call, &reply, &err), -EINVAL);
	assert_non_null(strstr(err.text, text));
}

static void calls_are_checked(void **state)
{
	const struct call_mountimage good = {
		.device = "vdb", .bytes = 4096, .fstype = "erofs", .target = "c1/rootfs"
	};
	struct call_mountimage call;

	(void)state;
	call = good;
	call.device = "../sda";
	assert_refused(call, "'../sda' is no disk for an image");
	call = good;
	call.fstype = "9p";
	assert_refused(call, "images cannot be of type '9p'");
	call = good;
	call.node = true;
	call.layer = true;
	assert_refused(call, "a device has no layer over it");
	call = good;
	call.bytes = 0;
	assert_refused(call, "an image on 'vdb' needs a size");
	call = good;
	call.target = "..";
	assert_refused(call, "'..' is no place in the share");
	call.target = "c1";
	assert_refused(call, "'c1' is no place in the share");
	call.target = "c1/../c2";
	assert_refused(call, "'c1/../c2' is no place in the share");
	call.target = "../rootfs";
	assert_refused(call, "'../rootfs' is no place in the share");
	call.target = "c1/a,upperdir=x";
	assert_refused(call, "no place in the share");
}

static void types_are_whole_words(void **state)
{
	static const char text[] = "nodev\tsysfs\nnodev\text4x\n\text3\n\text4\nnodev\ttmpfs";

	(void)state;
	assert_true(storage_has_type(text, "ext4"));
	assert_true(storage_has_type(text, "sysfs"));
	assert_true(storage_has_type(text, "tmpfs"));
	assert_false(storage_has_type(text, "erofs"));
	assert_false(storage_has_type(text, "ext"));
	assert_false(storage_has_type(text, "nodev"));
	assert_false(storage_has_type("", "ext4"));
	assert_false(storage_has_type("ext4", "ext4"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_disks_are_disks),
		cmocka_unit_test(calls_are_checked),
		cmocka_unit_test(types_are_whole_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
