#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "base/spawn.h"
#include "base/strbuf.h"
#include "runtime/net/netns.h"

static const char own[] = "/proc/self/ns/net";

static ino_t inode_of_path(const char *path)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return st.st_ino;
}

static ino_t inode_of_fd(int fd)
{
	struct stat st;

	assert_int_equal(fstat(fd, &st), 0);
	return st.st_ino;
}

static int open_with(const char *type, const char *path, int *fd, struct error *err)
{
	struct oci_namespace ns[] = { { .type = "pid" }, { .type = type, .path = path } };
	struct oci_linux lin = { .namespaces = { ns, 2 } };
	const struct oci_spec spec = { .linux_ = &lin };

	return netns_open(&spec, fd, err);
}

static void no_namespace_is_the_callers(void **state)
{
	const struct oci_spec bare = { 0 };
	struct error err = { 0 };
	int fd = 7;

	(void)state;
	assert_int_equal(netns_open(&bare, &fd, &err), 0);
	assert_int_equal(fd, -1);
	fd = 7;
	assert_int_equal(open_with("ipc", NULL, &fd, &err), 0);
	assert_int_equal(fd, -1);
}

static void a_path_is_opened(void **state)
{
	struct error err = { 0 };
	auto_close int fd = -1;

	(void)state;
	assert_int_equal(open_with("network", own, &fd, &err), 0);
	assert_true(inode_of_fd(fd) == inode_of_path(own));
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
}

static void bad_paths_are_named(void **state)
{
	static const char *const paths[] = { "/no/such/netns", "/etc/passwd", "/tmp",
					     "/proc/self/ns/mnt" };

	(void)state;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		struct error err = { 0 };
		int fd = 7;

		assert_true(open_with("network", paths[i], &fd, &err) < 0);
		assert_int_equal(fd, -1);
		assert_true(err.code < 0);
		assert_non_null(strstr(err.text, paths[i]));
	}
}

static void a_new_one_leaves_us_where_we_are(void **state)
{
	const ino_t before = inode_of_path(own);
	struct error err = { 0 };
	auto_close int fd = -1;
	auto_close int second = -1;

	(void)state;
	if (open_with("network", NULL, &fd, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	assert_true(inode_of_path(own) == before);
	assert_true(inode_of_fd(fd) != before);
	assert_int_equal(open_with("network", "", &second, &err), 0);
	assert_true(inode_of_fd(second) != inode_of_fd(fd));
}

static void a_new_one_can_be_joined(void **state)
{
	const char *const argv[] = { "readlink", own, NULL };
	struct spawn sp = { .path = "/bin/readlink", .argv = argv };
	auto_strbuf struct strbuf expected = { 0 };
	auto_strbuf struct strbuf seen = { 0 };
	struct error err = { 0 };
	auto_close int fd = -1;
	int code = -1;

	(void)state;
	if (open_with("network", NULL, &fd, &err) < 0)
		fail_msg("%s", err.text);
	sp.join_ns[sp.n_join_ns++] = fd;
	if (spawn_run(&sp, NULL, 0, &seen, 100, 20000, &code, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(code, 0);
	(void)strbuf_addf(&expected, "net:[%llu]\n", (unsigned long long)inode_of_fd(fd));
	assert_string_equal(strbuf_str(&seen), strbuf_str(&expected));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_namespace_is_the_callers),
		cmocka_unit_test(a_path_is_opened),
		cmocka_unit_test(bad_paths_are_named),
		cmocka_unit_test(a_new_one_leaves_us_where_we_are),
		cmocka_unit_test(a_new_one_can_be_joined),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
