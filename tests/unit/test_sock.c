#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/sock.h"

/* A directory whose path is far longer than what fits in a socket address. */
struct place {
	char top[64];
	char path[512];
	int dir;
};

static int setup(void **state)
{
	struct place *place = calloc(1, sizeof(*place));
	int len;

	assert_non_null(place);
	(void)snprintf(place->top, sizeof(place->top), "/tmp/test-sock-XXXXXX");
	assert_non_null(mkdtemp(place->top));
	len = snprintf(place->path, sizeof(place->path), "%s/%0*d/%0*d", place->top, 120, 1, 120,
		       2);
	assert_in_range(len, 200, sizeof(place->path) - 1);
	assert_int_equal(fs_mkdir_all(place->path, 0700), 0);
	place->dir = fs_open_dir_at(AT_FDCWD, place->path);
	assert_true(place->dir >= 0);
	*state = place;
	return 0;
}

static int teardown(void **state)
{
	struct place *place = *state;

	assert_int_equal(fs_remove_tree_at(AT_FDCWD, place->top), 0);
	(void)close(place->dir);
	free(place);
	return 0;
}

static void long_paths_work(void **state)
{
	struct place *place = *state;
	char path[600];
	auto_close int server = -1;
	auto_close int by_path = -1;
	auto_close int by_dir = -1;
	auto_close int accepted = -1;
	auto_close int blocking = -1;
	pid_t pid;
	uid_t uid;

	(void)snprintf(path, sizeof(path), "%s/s.sock", place->path);
	server = sock_listen_at(AT_FDCWD, path, 0600, 4);
	assert_true(server >= 0);
	by_path = sock_connect_at(AT_FDCWD, path);
	assert_true(by_path >= 0);
	by_dir = sock_connect_at(place->dir, "s.sock");
	assert_true(by_dir >= 0);
	accepted = sock_accept(server, true);
	assert_true(accepted >= 0);
	assert_int_equal(fcntl(accepted, F_GETFD), FD_CLOEXEC);
	assert_int_equal(fcntl(accepted, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
	blocking = sock_accept(server, false);
	assert_true(blocking >= 0);
	assert_int_equal(fcntl(blocking, F_GETFL) & O_NONBLOCK, 0);
	assert_int_equal(sock_peer(accepted, &pid, &uid), 0);
	assert_int_equal(pid, getpid());
	assert_int_equal(uid, getuid());
}

static void mode_is_exact(void **state)
{
	struct place *place = *state;
	mode_t old_mask = umask(0077);
	auto_close int server = sock_listen_at(place->dir, "s.sock", 0666, 1);
	struct stat st;

	(void)umask(old_mask);
	assert_true(server >= 0);
	assert_int_equal(fstatat(place->dir, "s.sock", &st, 0), 0);
	assert_int_equal(st.st_mode & 0777, 0666);
}

static void old_socket_goes_but_nothing_else(void **state)
{
	struct place *place = *state;
	auto_close int first = sock_listen_at(place->dir, "s.sock", 0600, 1);
	auto_close int second = -1;
	auto_close int client = -1;

	assert_true(first >= 0);
	cleanup_close(&first);
	assert_int_equal(sock_connect_at(place->dir, "s.sock"), -ECONNREFUSED);
	second = sock_listen_at(place->dir, "s.sock", 0600, 1);
	assert_true(second >= 0);
	client = sock_connect_at(place->dir, "s.sock");
	assert_true(client >= 0);

	assert_int_equal(fs_replace_at(place->dir, "file", "x", 1, 0600, false), 0);
	assert_int_equal(sock_listen_at(place->dir, "file", 0600, 1), -EEXIST);
	assert_int_equal(fs_exists_at(place->dir, "file"), 1);
	assert_int_equal(sock_connect_at(place->dir, "none"), -ENOENT);
	assert_int_equal(sock_listen_at(place->dir, "none/s.sock", 0600, 1), -ENOENT);
}

static void fd_travels_with_its_text(void **state)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	char body[64] = "";
	struct iovec iov = { .iov_base = body, .iov_len = sizeof(body) - 1 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes),
	};
	auto_close int got = -1;
	int pair[2];
	int ends[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	assert_int_equal(sock_send_fd(pair[0], ends[1], ""), -EINVAL);
	assert_int_equal(sock_send_fd(pair[0], ends[1], "/dev/pts/7"), 0);
	assert_int_equal(recvmsg(pair[1], &msg, MSG_CMSG_CLOEXEC), strlen("/dev/pts/7"));
	assert_string_equal(body, "/dev/pts/7");
	assert_non_null(CMSG_FIRSTHDR(&msg));
	assert_int_equal(CMSG_FIRSTHDR(&msg)->cmsg_type, SCM_RIGHTS);
	memcpy(&got, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(got));
	assert_int_equal(write(got, "z", 1), 1);
	assert_int_equal(read(ends[0], body, 1), 1);
	assert_int_equal(body[0], 'z');
	(void)close(pair[1]);
	assert_int_equal(sock_send_fd(pair[0], ends[1], "x"), -EPIPE);
	(void)close(pair[0]);
	(void)close(ends[0]);
	(void)close(ends[1]);
}

static void wait_sees_data_hangup_and_time(void **state)
{
	int ends[2];
	int64_t start_ms = clock_now_ms();

	(void)state;
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	assert_int_equal(sock_wait_readable(ends[0], 0), 0);
	assert_int_equal(sock_wait_readable(ends[0], 30), 0);
	assert_true(clock_now_ms() - start_ms >= 29);
	assert_int_equal(write(ends[1], "x", 1), 1);
	assert_int_equal(sock_wait_readable(ends[0], -1), 1);
	(void)close(ends[0]);
	assert_int_equal(pipe2(ends + 0, O_CLOEXEC), 0);
	(void)close(ends[1]);
	assert_int_equal(sock_wait_readable(ends[0], -1), 1);
	(void)close(ends[0]);
	assert_int_equal(sock_wait_readable(ends[0], -1), -EBADF);
}

static void nonblock_goes_on_and_off(void **state)
{
	int ends[2];
	char c;

	(void)state;
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	assert_int_equal(sock_set_nonblock(ends[0], true), 0);
	assert_int_equal(read(ends[0], &c, 1), -1);
	assert_int_equal(errno, EAGAIN);
	assert_int_equal(sock_set_nonblock(ends[0], false), 0);
	assert_int_equal(fcntl(ends[0], F_GETFL) & O_NONBLOCK, 0);
	(void)close(ends[0]);
	(void)close(ends[1]);
	assert_int_equal(sock_set_nonblock(ends[0], true), -EBADF);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(long_paths_work, setup, teardown),
		cmocka_unit_test_setup_teardown(mode_is_exact, setup, teardown),
		cmocka_unit_test_setup_teardown(old_socket_goes_but_nothing_else, setup, teardown),
		cmocka_unit_test(fd_travels_with_its_text),
		cmocka_unit_test(wait_sees_data_hangup_and_time),
		cmocka_unit_test(nonblock_goes_on_and_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
