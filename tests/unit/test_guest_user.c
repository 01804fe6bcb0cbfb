/* Users and groups in the container's own files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "agent/guest/user.h"

static const char passwd[] = "root:x:0:0:root:/root:/bin/sh\n"
			     "# a comment\n"
			     "broken:x\n"
			     "neg:x:-1:0::/:\n"
			     "u:x:1000:1001:a user:/home/u:/bin/sh\n"
			     "nohome:x:7:8\n"
			     "last:x:9:9::/last";
static const char group[] = "root:x:0:\nbad:x:y:\nextra:x:1234:u,root\n";

static void test_passwd_by_name(void **state)
{
	struct user_entry entry;

	(void)state;
	assert_true(user_find_passwd(passwd, "u", 0, &entry));
	assert_int_equal(entry.uid, 1000);
	assert_int_equal(entry.gid, 1001);
	assert_string_equal(entry.home, "/home/u");
	assert_true(user_find_passwd(passwd, "nohome", 0, &entry));
	assert_int_equal(entry.gid, 8);
	assert_string_equal(entry.home, "");
	assert_true(user_find_passwd(passwd, "last", 0, &entry));
	assert_string_equal(entry.home, "/last");
	assert_false(user_find_passwd(passwd, "broken", 0, &entry));
	assert_false(user_find_passwd(passwd, "neg", 0, &entry));
	assert_false(user_find_passwd(passwd, "roo", 0, &entry));
	assert_false(user_find_passwd("", "root", 0, &entry));
}

static void test_passwd_by_number(void **state)
{
	struct user_entry entry;

	(void)state;
	assert_true(user_find_passwd(passwd, NULL, 1000, &entry));
	assert_string_equal(entry.home, "/home/u");
	assert_false(user_find_passwd(passwd, NULL, 1001, &entry));
}

static void test_home_too_long(void **state)
{
	char text[2 * USER_HOME_MAX] = "big:x:5:5::/";
	struct user_entry entry;

	(void)state;
	memset(text + strlen(text), 'h', USER_HOME_MAX);
	assert_true(user_find_passwd(text, "big", 0, &entry));
	assert_string_equal(entry.home, "");
}

static void test_group(void **state)
{
	uint32_t gid = 99;

	(void)state;
	assert_true(user_find_group(group, "extra", &gid));
	assert_int_equal(gid, 1234);
	assert_false(user_find_group(group, "bad", &gid));
	assert_false(user_find_group(group, "extr", &gid));
}

static void test_numbers(void **state)
{
	int64_t extra[USER_GROUPS_MAX + 1] = { 5, 6 };
	struct oci_user user = { .uid = 1,
				 .gid = 2,
				 .additional_gids = { .items = extra, .len = 2 } };
	struct user_ids ids;
	struct error err;

	(void)state;
	assert_int_equal(user_resolve(&user, NULL, &ids, &err), 0);
	assert_int_equal(ids.uid, 1);
	assert_int_equal(ids.gid, 2);
	assert_int_equal(ids.n_groups, 2);
	assert_int_equal(ids.groups[1], 6);
	user.additional_gids.len = USER_GROUPS_MAX + 1;
	assert_true(user_resolve(&user, NULL, &ids, &err) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_passwd_by_name), cmocka_unit_test(test_passwd_by_number),
		cmocka_unit_test(test_home_too_long),  cmocka_unit_test(test_group),
		cmocka_unit_test(test_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
