/* Options of a mount: flags, propagation and data. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/mount.h>
#include <sys/mount.h>
#include <cmocka.h>

#include "agent/guest/mount_options.h"

enum { OPTIONS = 8 };

static struct mount_options parse(const char *const *names)
{
	const char *items[OPTIONS];
	struct json_strs list = { .items = items };
	struct mount_options options;

	while (*names && list.len < OPTIONS)
		items[list.len++] = *names++;
	assert_int_equal(mount_options_parse(&list, &options), 0);
	return options;
}

#define PARSE(...) parse((const char *const[]){ __VA_ARGS__, NULL })

static void test_flags(void **state)
{
	struct mount_options o = PARSE("nosuid", "noexec", "nodev", "ro");

	(void)state;
	assert_int_equal(o.flags, MS_NOSUID | MS_NOEXEC | MS_NODEV | MS_RDONLY);
	assert_int_equal(o.cleared, 0);
	assert_int_equal(o.propagation, 0);
	assert_null(o.data.data);
}

static void test_last_word_wins(void **state)
{
	struct mount_options o = PARSE("ro", "rw");

	(void)state;
	assert_int_equal(o.flags, 0);
	assert_int_equal(o.cleared, MS_RDONLY);
	o = PARSE("suid", "nosuid");
	assert_int_equal(o.flags, MS_NOSUID);
	assert_int_equal(o.cleared, 0);
}

static void test_data(void **state)
{
	struct mount_options o = PARSE("nosuid", "mode=755", "strictatime", "size=65536k");

	(void)state;
	assert_string_equal(strbuf_str(&o.data), "mode=755,size=65536k");
	assert_int_equal(o.flags, MS_NOSUID | MS_STRICTATIME);
	strbuf_done(&o.data);
}

static void test_bind_and_propagation(void **state)
{
	struct mount_options o = PARSE("rbind", "rprivate", "shared");

	(void)state;
	assert_int_equal(o.flags, MS_BIND | MS_REC);
	assert_int_equal(o.propagation, MS_SHARED);
	o = PARSE("bind", "rslave");
	assert_int_equal(o.flags, MS_BIND);
	assert_int_equal(o.propagation, MS_SLAVE | MS_REC);
}

static void test_tmpcopyup(void **state)
{
	struct mount_options o = PARSE("tmpcopyup");

	(void)state;
	assert_true(o.copy_up);
	assert_null(o.data.data);
	assert_false(PARSE("defaults").copy_up);
}

static void test_whole_trees(void **state)
{
	struct mount_options o = PARSE("rbind", "rro", "rnosuid", "rdev");

	(void)state;
	assert_int_equal(o.flags, MS_BIND | MS_REC);
	assert_int_equal(o.tree_set, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID);
	assert_int_equal(o.tree_cleared, MOUNT_ATTR_NODEV);
	assert_null(o.data.data);
	o = PARSE("rro", "rrw");
	assert_int_equal(o.tree_set, 0);
	assert_int_equal(o.tree_cleared, MOUNT_ATTR_RDONLY);
}

/* The kernel refuses a change of access times that does not clear all of the field. */
static void test_access_times_of_trees(void **state)
{
	struct mount_options o = PARSE("rnoatime");

	(void)state;
	assert_int_equal(o.tree_set, MOUNT_ATTR_NOATIME);
	assert_int_equal(o.tree_cleared, MOUNT_ATTR__ATIME);
	o = PARSE("rnoatime", "rstrictatime");
	assert_int_equal(o.tree_set, MOUNT_ATTR_STRICTATIME);
	assert_int_equal(o.tree_cleared, MOUNT_ATTR__ATIME);
	o = PARSE("rrelatime", "rnodiratime");
	assert_int_equal(o.tree_set, MOUNT_ATTR_NODIRATIME);
	assert_int_equal(o.tree_cleared, MOUNT_ATTR__ATIME);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_flags),
		cmocka_unit_test(test_last_word_wins),
		cmocka_unit_test(test_data),
		cmocka_unit_test(test_bind_and_propagation),
		cmocka_unit_test(test_tmpcopyup),
		cmocka_unit_test(test_whole_trees),
		cmocka_unit_test(test_access_times_of_trees),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
