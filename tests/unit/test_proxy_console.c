#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/fs.h"
#include "cmd/acrun-proxy/console.h"

struct fixture {
	char dir[40];
	char log[64];
	struct loop *loop;
	struct console console;
	int guest_fd;
};

static void end_turn(void *arg)
{
	loop_stop(arg, 0);
}

static void turn(struct fixture *fix)
{
	assert_true(loop_add_timer(fix->loop, 2, end_turn, fix->loop) > 0);
	assert_int_equal(loop_run(fix->loop), 0);
}

static void open_fixture(struct fixture *fix, bool with_log)
{
	struct error err = { 0 };
	int pair[2];

	*fix = (struct fixture){ .dir = "/tmp/test_console.XXXXXX", .loop = loop_new() };
	assert_non_null(fix->loop);
	assert_non_null(mkdtemp(fix->dir));
	(void)snprintf(fix->log, sizeof(fix->log), "%s/console.log", fix->dir);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair),
			 0);
	fix->guest_fd = pair[1];
	assert_int_equal(console_start(&fix->console, fix->loop, pair[0],
				       with_log ? fix->log : NULL, &err),
			 0);
}

static void close_fixture(struct fixture *fix)
{
	console_stop(&fix->console);
	loop_free(fix->loop);
	if (fix->guest_fd >= 0)
		(void)close(fix->guest_fd);
	assert_int_equal(fs_remove_tree_at(AT_FDCWD, fix->dir), 0);
}

/* As the guest: every byte must be taken sooner or later. */
static void print(struct fixture *fix, size_t len)
{
	static char data[4096];
	int turns = 0;

	memset(data, 'x', sizeof(data));
	while (len > 0) {
		ssize_t n = send(fix->guest_fd, data, len < sizeof(data) ? len : sizeof(data),
				 MSG_NOSIGNAL);

		if (n > 0)
			len -= (size_t)n;
		else
			turn(fix);
		assert_true(turns++ < 100000);
	}
	for (int i = 0; i < 50; i++)
		turn(fix);
}

static off_t size_of(const char *path)
{
	struct stat st;

	return stat(path, &st) < 0 ? -1 : st.st_size;
}

static void test_is_kept(void **state)
{
	struct fixture fix;

	(void)state;
	open_fixture(&fix, true);
	print(&fix, 1000);
	assert_int_equal(size_of(fix.log), 1000);
	close_fixture(&fix);
}

static void test_is_bounded(void **state)
{
	struct fixture fix;
	char older[72];

	(void)state;
	open_fixture(&fix, true);
	(void)snprintf(older, sizeof(older), "%s.1", fix.log);
	print(&fix, 3 * CONSOLE_FILE_MAX + 5000);
	assert_true(size_of(fix.log) > 0);
	assert_true(size_of(fix.log) <= CONSOLE_FILE_MAX);
	assert_true(size_of(older) > CONSOLE_FILE_MAX / 2);
	assert_true(size_of(older) <= CONSOLE_FILE_MAX);
	close_fixture(&fix);
}

static void test_is_read_without_a_log(void **state)
{
	struct fixture fix;

	(void)state;
	open_fixture(&fix, false);
	print(&fix, 1 << 20);
	assert_int_equal(size_of(fix.log), -1);
	close_fixture(&fix);
}

static void test_link_is_not_followed(void **state)
{
	struct fixture fix;
	struct error err = { 0 };
	char target[72];
	int pair[2];

	(void)state;
	open_fixture(&fix, false);
	(void)snprintf(target, sizeof(target), "%s/target", fix.dir);
	assert_int_equal(symlink(target, fix.log), 0);
	console_stop(&fix.console);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	assert_true(console_start(&fix.console, fix.loop, pair[0], fix.log, &err) < 0);
	assert_int_equal(size_of(target), -1);
	(void)close(pair[1]);
	close_fixture(&fix);
}

static void test_end_of_the_guest(void **state)
{
	struct fixture fix;

	(void)state;
	open_fixture(&fix, true);
	(void)close(fix.guest_fd);
	fix.guest_fd = -1;
	turn(&fix);
	turn(&fix);
	assert_int_equal(fix.console.fd, -1);
	close_fixture(&fix);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_is_kept),
		cmocka_unit_test(test_is_bounded),
		cmocka_unit_test(test_is_read_without_a_log),
		cmocka_unit_test(test_link_is_not_followed),
		cmocka_unit_test(test_end_of_the_guest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
