/* When a device model counts as ready, and what dead ones leave behind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/sock.h"
#include "hypervisor/acrn/control.h"
#include "hypervisor/acrn/ready.h"

#define NAME "sabcdefghijklmn"

struct fixture {
	char dir[64];
	char monitors[80];
	char file[96];
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (!f)
		return -1;
	(void)snprintf(f->dir, sizeof(f->dir), "/tmp/test_acrn_ready.XXXXXX");
	if (!mkdtemp(f->dir))
		return -1;
	(void)snprintf(f->monitors, sizeof(f->monitors), "%s/mngr", f->dir);
	(void)snprintf(f->file, sizeof(f->file), "%s/file", f->dir);
	assert_int_equal(mkdir(f->monitors, 0700), 0);
	assert_int_equal(fs_replace_at(AT_FDCWD, f->file, "", 0, 0600, false), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(fs_remove_tree_at(AT_FDCWD, f->dir), 0);
	free(f);
	return 0;
}

static bool exists(const struct fixture *f, const char *name)
{
	char path[160];

	(void)snprintf(path, sizeof(path), "%s/%s", f->monitors, name);
	return access(path, F_OK) == 0;
}

static void touch(const struct fixture *f, const char *name)
{
	char path[160];

	(void)snprintf(path, sizeof(path), "%s/%s", f->monitors, name);
	assert_int_equal(fs_replace_at(AT_FDCWD, path, "", 0, 0600, false), 0);
}

static void test_sweep(void **state)
{
	static const char dead[] = NAME ".monitor.4194305.socket"; /* above any pid */
	static const char alive[] = NAME ".monitor.1.socket";
	static const char foreign[] = "sabcdefghijklmo.monitor.4194305.socket";
	static const char odd[] = NAME ".monitor.4194305x.socket";
	struct fixture *f = *state;

	touch(f, dead);
	touch(f, alive);
	touch(f, foreign);
	touch(f, odd);
	control_sweep(f->monitors, NAME, 0);
	assert_false(exists(f, dead));
	assert_true(exists(f, alive) && exists(f, foreign) && exists(f, odd));
	control_sweep(f->monitors, NULL, 1);
	assert_true(exists(f, alive) && exists(f, foreign));
	control_sweep(f->monitors, NULL, 4194305);
	assert_false(exists(f, foreign));
	control_sweep("/nonexistent", NULL, 0);
}

static void test_listening(void **state)
{
	static const char text[] =
		"Num       RefCount Protocol Flags    Type St Inode Path\n"
		"0000000000000000: 00000002 00000000 00010000 0001 01 17632 /run/a.sock\n"
		"0000000000000000: 00000003 00000000 00000000 0001 03 17633 /run/b.sock\n"
		"0000000000000000: 00000002 00000000 00010000 0001 01 17634\n"
		"0000000000000000: 00000002 00000000 00010000 0001 01 17635 /run/with blank.sock\n"
		"0000000000000000: 00000002 00000000 00010000 0001 01 17636 @/run/c.sock";

	(void)state;
	assert_true(ready_is_listening(text, "/run/a.sock"));
	assert_true(ready_is_listening(text, "/run/with blank.sock"));
	assert_false(ready_is_listening(text, "/run/b.sock"));
	assert_false(ready_is_listening(text, "/run/a.soc"));
	assert_false(ready_is_listening(text, "/run/a.sock2"));
	assert_false(ready_is_listening(text, "/run/c.sock"));
	assert_false(ready_is_listening("", "/run/a.sock"));
}

/* Binds as a device model does: to the path as it stands. */
static int bind_path(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	memcpy(addr.sun_path, path, strlen(path) + 1);
	return bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 ? -1 : fd;
}

/* The sockets of a device model that comes up slowly, in the handler of a timer's signal. */
static struct late {
	char paths[2][96];
	int fds[2];
	int steps;
} late;

static void on_tick(int signo)
{
	int old_errno = errno;
	int which = late.steps / 2;

	(void)signo;
	if (which < 2 && late.steps % 2 == 0)
		late.fds[which] = bind_path(late.paths[which]);
	else if (which < 2)
		(void)!listen(late.fds[which], 4);
	late.steps++;
	errno = old_errno;
}

static void tick_every(int ms)
{
	const struct sigaction action = { .sa_handler = on_tick };
	const struct itimerval timer = { .it_value = { .tv_usec = ms * 1000 },
					 .it_interval = { .tv_usec = ms * 1000 } };

	assert_int_equal(sigaction(SIGALRM, &action, NULL), 0);
	assert_int_equal(setitimer(ITIMER_REAL, &timer, NULL), 0);
}

/* Old sockets do not count, new ones do from when they listen; and nobody connects to them. */
static void test_ready(void **state)
{
	struct fixture *f = *state;
	struct ready ready = READY_INIT;
	struct error err = { 0 };

	for (int i = 0; i < 2; i++)
		(void)snprintf(late.paths[i], sizeof(late.paths[i]), "%s/%d.sock", f->dir, i);
	auto_close int old = bind_path(late.paths[0]);
	assert_int_equal(listen(old, 4), 0);
	for (int i = 0; i < 2; i++)
		assert_int_equal(ready_expect(&ready, late.paths[i], &err), 0);
	assert_int_equal(ready_expect(&ready, NULL, &err), 0);
	assert_int_equal(access(late.paths[0], F_OK), -1);
	cleanup_close(&old);
	assert_int_equal(ready_wait(&ready, getpid(), 20, &err), -ETIMEDOUT);
	tick_every(20);
	assert_int_equal(ready_wait(&ready, getpid(), 10000, &err), 0);
	tick_every(0);
	assert_true(late.steps >= 4);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(sock_wait_readable(late.fds[i], 0), 0);
		cleanup_close(&late.fds[i]);
	}
	ready_remove(&ready);
	assert_int_equal(access(late.paths[1], F_OK), -1);
	ready_done(&ready);
	assert_int_equal(ready_wait(&ready, 4194305, 10, &err), -ECHILD);
}

static void test_ready_in_the_way(void **state)
{
	struct fixture *f = *state;
	struct ready ready = READY_INIT;
	struct error err;

	assert_int_equal(ready_expect(&ready, f->file, &err), -ENOTSOCK);
	assert_int_equal(access(f->file, F_OK), 0);
	assert_int_equal(ready_expect(&ready, "/nonexistent/a.sock", &err), -ENOENT);
	ready_done(&ready);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_sweep),
		TEST(test_listening),
		TEST(test_ready),
		TEST(test_ready_in_the_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
