#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "runtime/storage/loan.h"

#define ROOT "22 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw\n"
#define ON_DEVICE \
	"90 22 253:7 / /run/b/rootfs rw,nosuid,noatime shared:3 - ext4 /dev/dm-7 rw,stripe=16,sync\n"

static void a_device_is_found(void **state)
{
	auto_arena struct arena arena = { 0 };
	struct loan loan;

	(void)state;
	assert_int_equal(loan_parse(ROOT ON_DEVICE, "/run/b/rootfs", &arena, &loan), 1);
	assert_string_equal(loan.path, "/run/b/rootfs");
	assert_string_equal(loan.device, "/dev/dm-7");
	assert_string_equal(loan.fstype, "ext4");
	assert_string_equal(loan.options, "stripe=16");
	assert_int_equal(loan.flags, MS_NOSUID | MS_NOATIME | MS_SYNCHRONOUS);
	assert_false(loan.readonly);
}

static void names_are_unescaped(void **state)
{
	static const char text[] = "5 1 7:0 / /a\\040b\\134c ro - erofs /dev/loop\\0400 ro\n";
	auto_arena struct arena arena = { 0 };
	struct loan loan;

	(void)state;
	assert_int_equal(loan_parse(text, "/a b\\c", &arena, &loan), 1);
	assert_string_equal(loan.device, "/dev/loop 0");
	assert_true(loan.readonly);
	assert_null(loan.options);
}

/* Made read-only by its file system, the mount itself still says "rw". */
static void lent_is_read_only(void **state)
{
	static const char text[] = "5 1 253:7 / /r rw - ext4 /dev/dm-7 ro,errors=remount-ro\n";
	auto_arena struct arena arena = { 0 };
	struct loan loan;

	(void)state;
	assert_int_equal(loan_parse(text, "/r", &arena, &loan), 1);
	assert_true(loan.readonly);
	assert_string_equal(loan.options, "errors=remount-ro");
}

static void what_is_not_alone_is_not_lent(void **state)
{
	static const char *const texts[] = {
		"",
		ROOT,
		/* a directory of a file system */
		"5 1 253:7 /dir /r rw - ext4 /dev/dm-7 rw\n",
		/* on no device */
		"5 1 0:40 / /r rw - overlay overlay rw,lowerdir=/a\n",
		"5 1 0:41 / /r rw - btrfs /dev/sdb rw\n",
		"5 1 253:7 / /r rw - vfat /dev/dm-7 rw\n",
		/* mounted twice */
		"5 1 253:7 / /r rw - ext4 /dev/dm-7 rw\n6 1 253:7 / /other rw - ext4 /dev/dm-7 rw\n",
		/* something is mounted on it */
		"5 1 253:7 / /r rw - ext4 /dev/dm-7 rw\n6 5 0:5 / /r/proc rw - proc proc rw\n",
		/* read-only here, but not for others */
		"5 1 253:7 / /r ro - ext4 /dev/dm-7 rw\n",
		/* covered by another */
		"5 1 253:7 / /r rw - ext4 /dev/dm-7 rw\n6 5 0:9 / /r rw - tmpfs tmpfs rw\n",
		/* nonsense */
		"5 1 253:7 / /r",
		"5 1 253:7 / /r rw - ext4 /dev/dm-7",
		"5 1 253:7 / /r rw ext4 /dev/dm-7 rw",
		"\n\n - \n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		auto_arena struct arena arena = { 0 };
		struct loan loan;

		assert_int_equal(loan_parse(texts[i], "/r", &arena, &loan), 0);
	}
}

static void the_last_of_several_lies_on_top(void **state)
{
	static const char text[] = "5 1 0:9 / /r rw - tmpfs tmpfs rw\n"
				   "6 5 253:7 / /r rw - xfs /dev/dm-7 rw,seclabel,attr2\n";
	auto_arena struct arena arena = { 0 };
	struct loan loan;

	(void)state;
	assert_int_equal(loan_parse(text, "/r", &arena, &loan), 1);
	assert_string_equal(loan.fstype, "xfs");
	assert_string_equal(loan.options, "attr2");
}

static void it_is_kept(void **state)
{
	const struct loan loan = { "/r", "/dev/dm-7", "ext4", "stripe=16", MS_NOSUID, false };
	auto_arena struct arena arena = { 0 };
	char dir[] = "/tmp/test_loan.XXXXXX";
	auto_close int fd = -1;
	struct error err = { 0 };
	struct loan got;

	(void)state;
	assert_non_null(mkdtemp(dir));
	fd = fs_open_dir_at(AT_FDCWD, dir);
	assert_true(fd >= 0);
	assert_int_equal(loan_load(fd, &arena, &got, &err), -ENOENT);
	assert_int_equal(loan_save(fd, &loan, &err), 0);
	assert_int_equal(loan_load(fd, &arena, &got, &err), 0);
	assert_string_equal(got.path, loan.path);
	assert_string_equal(got.device, loan.device);
	assert_string_equal(got.options, loan.options);
	assert_int_equal(got.flags, loan.flags);
	assert_int_equal(fs_write_file_at(fd, LOAN_FILE, "{\"path\": 5}"), 0);
	assert_true(loan_load(fd, &arena, &got, &err) < 0);
	assert_int_equal(fs_remove_tree_at(AT_FDCWD, dir), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_device_is_found),
		cmocka_unit_test(names_are_unescaped),
		cmocka_unit_test(lent_is_read_only),
		cmocka_unit_test(what_is_not_alone_is_not_lent),
		cmocka_unit_test(the_last_of_several_lies_on_top),
		cmocka_unit_test(it_is_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
