/* How the host's hierarchies are read, on texts of hosts of each kind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>
#include "runtime/cgroup/cgroup.h"
#include "runtime/cgroup/hierarchies.h"

static void test_version_1(void **state)
{
	auto_arena struct arena arena = { 0 };
	struct hierarchies all;

	(void)state;
	assert_int_equal(
		hierarchies_parse(
			"25 1 0:23 / /sys rw,nosuid - sysfs sysfs rw\n"
			"30 25 0:26 / /sys/fs/cgroup/systemd rw shared:9 - cgroup cgroup "
			"rw,xattr,release_agent=/lib/agent,name=systemd\n"
			"31 25 0:27 /docker/1 /sys/fs/cgroup/cpu,cpuacct rw shared:9 master:2 - "
			"cgroup cgroup rw,cpu,cpuacct\n"
			"32 25 0:27 /docker/1 /mnt/again rw - cgroup cgroup rw,cpu,cpuacct\n"
			"33 25 0:28 / /mnt/with\\040blank rw - cgroup cgroup rw,pids\n",
			"12:cpu,cpuacct:/docker/1/x\n1:name=systemd:/init.scope\n0::/\n", &arena,
			&all),
		0);
	assert_int_equal(all.len, 2);
	assert_false(all.only_unified);
	assert_string_equal(all.items[0].options, "name=systemd");
	assert_string_equal(all.items[0].own, "/init.scope");
	assert_string_equal(all.items[1].options, "cpu,cpuacct");
	assert_string_equal(all.items[1].mount, "/sys/fs/cgroup/cpu,cpuacct");
	assert_string_equal(all.items[1].root, "/docker/1");
	assert_string_equal(all.items[1].own, "/docker/1/x");
}

static void test_version_2_and_both(void **state)
{
	auto_arena struct arena arena = { 0 };
	struct hierarchies all;

	(void)state;
	assert_int_equal(hierarchies_parse(
				 "30 25 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw,nsdelegate\n",
				 "0::/user.slice/session-1.scope\n", &arena, &all),
			 0);
	assert_int_equal(all.len, 1);
	assert_true(all.only_unified);
	assert_string_equal(all.items[0].own, "/user.slice/session-1.scope");
	assert_int_equal(
		hierarchies_parse("30 25 0:26 / /sys/fs/cgroup/unified rw - cgroup2 none rw\n"
				  "31 25 0:27 / /sys/fs/cgroup/memory rw - cgroup none rw,memory\n",
				  "3:memory:/a\n0::/b\n", &arena, &all),
		0);
	assert_int_equal(all.len, 2);
	assert_false(all.only_unified);
	assert_string_equal(all.items[0].own, "/b");
	assert_string_equal(all.items[1].own, "/a");
}

static void test_lines_that_cannot_be_read(void **state)
{
	auto_arena struct arena arena = { 0 };
	struct hierarchies all;

	(void)state;
	assert_int_equal(hierarchies_parse(" - cgroup\n - cgroup2 a\n1 2 3 - cgroup a rw,x\n\n-\n",
					   "::\n5\n1:memory\n2:x:relative\n", &arena, &all),
			 0);
	assert_int_equal(all.len, 0);
	assert_false(all.only_unified);
}

static void test_managers(void **state)
{
	enum cgroup_manager manager;
	struct error err = { 0 };

	(void)state;
	assert_int_equal(cgroup_parse_manager("systemd", &manager, &err), 0);
	assert_int_equal(manager, CGROUP_SYSTEMD);
	assert_int_equal(cgroup_parse_manager("disabled", &manager, &err), 0);
	assert_int_equal(manager, CGROUP_DISABLED);
	assert_true(cgroup_parse_manager("", &manager, &err) < 0);
}

static const char *first_of(const char *path, enum cgroup_manager manager, struct arena *arena)
{
	struct json_strs dirs;
	struct error err = { 0 };

	if (cgroup_plan(path, manager, "c1", arena, &dirs, &err) < 0 || dirs.len == 0)
		return NULL;
	return dirs.items[0];
}

static bool ends_with(const char *text, const char *end)
{
	size_t len = text ? strlen(text) : 0;

	return len >= strlen(end) && !strcmp(text + len - strlen(end), end);
}

static void test_paths_of_systemd(void **state)
{
	static const char *const bad[] = {
		"a",	      "a.slice:b",     "a--b.slice:p:n", "-a.slice:p:n", "a-.slice:p:n",
		".slice:p:n", "a/b.slice:p:n", "a.slice:p/q:n",	 "a.slice:p:",	 "a.slice:p:../n"
	};
	auto_arena struct arena arena = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_null(first_of(bad[i], CGROUP_SYSTEMD, &arena));
	/* a host without any has none to look at */
	if (!first_of(NULL, CGROUP_FS, &arena))
		return;
	assert_true(ends_with(first_of("a-b.slice:p:n", CGROUP_SYSTEMD, &arena),
			      "/a.slice/a-b.slice/p-n.scope"));
	assert_true(ends_with(first_of(":p:n", CGROUP_SYSTEMD, &arena), "/system.slice/p-n.scope"));
	assert_true(ends_with(first_of("-.slice::n", CGROUP_SYSTEMD, &arena), "/n.scope"));
	assert_true(ends_with(first_of("a.slice:p:b.slice", CGROUP_SYSTEMD, &arena),
			      "/a.slice/b.slice"));
	assert_true(
		ends_with(first_of("", CGROUP_SYSTEMD, &arena), "/system.slice/acrun-c1.scope"));
	assert_true(ends_with(first_of("/x/y", CGROUP_FS, &arena), "/x/y"));
	assert_true(ends_with(first_of(NULL, CGROUP_FS, &arena), "/c1"));
	assert_null(first_of("/x", CGROUP_DISABLED, &arena));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_version_1),
		cmocka_unit_test(test_version_2_and_both),
		cmocka_unit_test(test_lines_that_cannot_be_read),
		cmocka_unit_test(test_managers),
		cmocka_unit_test(test_paths_of_systemd),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
