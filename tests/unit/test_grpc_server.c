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
#include <unistd.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/sock.h"
#include "runtime/factory/grpc_server.h"
#include "tests/unit/grpc_rig.h"

static int setup(void **state)
{
	static struct rig rig;

	rig_open(&rig, NULL);
	rig_greet(&rig);
	*state = &rig;
	return 0;
}

static int teardown(void **state)
{
	rig_close(*state);
	return 0;
}

/* A server with its own settings for one test. */
static void reopen(struct rig *rig, struct grpc_server_config config)
{
	rig_close(rig);
	rig_open(rig, &config);
}

static uint32_t error_of(struct rig *rig, uint8_t type, uint32_t stream, size_t offset)
{
	struct frame frame;

	assert_true(rig_find(rig, type, stream, 0, &frame));
	assert_true(frame.len >= offset + 4);
	return (uint8_t)frame.payload[offset + 3];
}

static void a_call_byte_by_byte(void **state)
{
	struct rig *rig = *state;
	auto_strbuf struct strbuf out = { 0 };
	struct frame frame;

	rig_put_request(&out, 1, "/t/Echo", "application/grpc+proto", NULL, NULL);
	rig_put_frame(&out, FRAME_DATA, 0, 1, "\0\0\0\0\2h", 6);
	rig_put_frame(&out, FRAME_DATA, FLAG_END_STREAM, 1, "i", 1);
	for (size_t i = 0; i < out.len; i++) {
		assert_int_equal(rig->handled, 0);
		rig_send(rig, out.data + i, 1);
		if (i % 16 == 0)
			rig_run(rig);
	}
	rig_run_until(rig, &rig->handled, 1);
	rig_run(rig);
	assert_true(rig_find(rig, FRAME_DATA, 1, 0, &frame));
	assert_int_equal(frame.len, 7);
	assert_memory_equal(frame.payload, "\0\0\0\0\2hi", 7);
	assert_true(rig_ended_with(rig, 1, "0"));
	rig_run_until(rig, &rig->outcomes[GRPC_END_DELIVERED], 1);
}

static void a_hundred_calls_at_once(void **state)
{
	struct rig *rig = *state;

	for (uint32_t i = 0; i < 100; i++)
		rig_call(rig, 2 * i + 1, "/t/Hold", "");
	rig_run_until(rig, &rig->n_held, 100);
	for (int i = 99; i >= 0; i--)
		assert_int_equal(grpc_call_reply(rig->held[i], "x", 1), 0);
	rig_run(rig);
	for (uint32_t i = 0; i < 100; i++)
		assert_true(rig_ended_with(rig, 2 * i + 1, "0"));
	rig_run_until(rig, &rig->outcomes[GRPC_END_DELIVERED], 100);
	rig_call(rig, 201, "/t/Echo", "");
	rig_run_until(rig, &rig->handled, 101);
	rig_run(rig);
	assert_true(rig_ended_with(rig, 201, "0"));
	rig_run_until(rig, &rig->outcomes[GRPC_END_DELIVERED], 101);
}

static void more_calls_than_allowed(void **state)
{
	struct rig *rig = *state;

	reopen(rig, (struct grpc_server_config){ .max_calls = 2 });
	rig_greet(rig);
	for (uint32_t i = 1; i <= 5; i += 2)
		rig_call(rig, i, "/t/Hold", "");
	rig_run_until(rig, &rig->n_held, 2);
	assert_int_equal(error_of(rig, FRAME_RST, 5, 0), 7);
	assert_int_equal(rig->handled, 2);
}

static void a_cancelled_call(void **state)
{
	struct rig *rig = *state;

	rig_call(rig, 1, "/t/Hold", "");
	rig_call(rig, 3, "/t/Hold", "");
	rig_run_until(rig, &rig->n_held, 2);
	rig_send_frame(rig, FRAME_RST, 0, 3, "\0\0\0\10", 4);
	rig_run_until(rig, &rig->outcomes[GRPC_END_CANCELLED], 1);
	assert_int_equal(grpc_call_reply(rig->held[0], "", 0), 0);
	rig_run(rig);
	assert_true(rig_ended_with(rig, 1, "0"));
	rig_run_until(rig, &rig->outcomes[GRPC_END_DELIVERED], 1);
}

static void cancelled_with_the_answer_unread(void **state)
{
	struct rig *rig = *state;

	rig_call(rig, 1, "/t/Echo", "x");
	rig_run_until(rig, &rig->handled, 1);
	rig_send_frame(rig, FRAME_RST, 0, 1, "\0\0\0\10", 4);
	rig_run_until(rig, &rig->outcomes[GRPC_END_CANCELLED], 1);
}

static void a_client_that_goes_away(void **state)
{
	struct rig *rig = *state;

	rig_call(rig, 1, "/t/Hold", "");
	rig_run_until(rig, &rig->n_held, 1);
	(void)close(rig->fd);
	rig->fd = -1;
	rig_run_until(rig, &rig->outcomes[GRPC_END_CANCELLED], 1);
}

static void a_client_that_dies_before_reading(void **state)
{
	struct rig *rig = *state;
	struct frame frame;

	rig_call(rig, 1, "/t/Hold", "");
	rig_run_until(rig, &rig->n_held, 1);
	(void)rig_find(rig, FRAME_DATA, 1, 0, &frame); /* reads the settings */
	assert_int_equal(grpc_call_reply(rig->held[0], "x", 1), 0);
	rig_run(rig);
	assert_int_equal(rig->outcomes[GRPC_END_DELIVERED], 0);
	(void)close(rig->fd);
	rig->fd = -1;
	rig_run_until(rig, &rig->outcomes[GRPC_END_LOST], 1);
}

static void a_client_that_hangs(void **state)
{
	struct rig *rig = *state;

	reopen(rig, (struct grpc_server_config){ .stall_ms = 60 });
	rig_greet(rig);
	rig_call(rig, 1, "/t/Echo", "x");
	rig_run_until(rig, &rig->handled, 1);
	rig_run_until(rig, &rig->outcomes[GRPC_END_LOST], 1);
	assert_int_equal(rig->outcomes[GRPC_END_DELIVERED], 0);
}

static void a_client_that_reads_and_leaves(void **state)
{
	struct rig *rig = *state;

	rig_call(rig, 1, "/t/Echo", "x");
	rig_run_until(rig, &rig->handled, 1);
	rig_run(rig);
	assert_true(rig_ended_with(rig, 1, "0"));
	(void)close(rig->fd);
	rig->fd = -1;
	rig_run_until(rig, &rig->outcomes[GRPC_END_DELIVERED], 1);
}

/* A request that is refused before any handler sees it. */
static void refused(struct rig *rig, uint32_t stream, const char *status)
{
	int tries = 1000;

	while (!rig_ended_with(rig, stream, status) && tries-- > 0)
		rig_run(rig);
	assert_true(tries > 0);
	assert_int_equal(rig->handled, 0);
}

static void send_body(struct rig *rig, uint32_t stream, const char *body, size_t len)
{
	auto_strbuf struct strbuf out = { 0 };

	rig_put_request(&out, stream, "/t/Echo", "application/grpc", NULL, NULL);
	rig_put_frame(&out, FRAME_DATA, FLAG_END_STREAM, stream, body, len);
	rig_send(rig, out.data, out.len);
}

static void bad_bodies(void **state)
{
	struct rig *rig = *state;

	send_body(rig, 1, "\1\0\0\0\2hi", 7); /* compressed */
	refused(rig, 1, "12");
	send_body(rig, 3, "", 0);
	refused(rig, 3, "12");
	send_body(rig, 5, "\0\0\0\0\2h", 6);
	refused(rig, 5, "12");
	send_body(rig, 7, "\0\0\0\0\0\0\0\0\0\0", 10); /* two messages */
	refused(rig, 7, "12");
}

static void bad_headers(void **state)
{
	struct rig *rig = *state;
	auto_strbuf struct strbuf out = { 0 };

	rig_put_request(&out, 1, "/t/None", "application/grpc", NULL, NULL);
	rig_put_request(&out, 3, "/t/Echo", "application/grpcs", NULL, NULL);
	rig_put_request(&out, 5, "/t/Echo", "text/plain", NULL, NULL);
	rig_put_request(&out, 7, "/t/Echo", "application/grpc", "grpc-timeout", "1x");
	rig_send(rig, out.data, out.len);
	refused(rig, 1, "12");
	refused(rig, 3, "415");
	refused(rig, 5, "415");
	refused(rig, 7, "13");
	/* Not having come to its end, the request is not wanted any more. */
	assert_int_equal(error_of(rig, FRAME_RST, 1, 0), 0);
}

static void too_many_headers(void **state)
{
	struct rig *rig = *state;
	auto_strbuf struct strbuf out = { 0 };
	char value[9000];

	memset(value, 'v', sizeof(value));
	value[sizeof(value) - 1] = '\0';
	rig_put_request(&out, 1, "/t/Echo", "application/grpc", "x-long", value);
	rig_send(rig, out.data, out.len);
	rig_run(rig);
	assert_int_equal(error_of(rig, FRAME_RST, 1, 0), 2);
	rig_call(rig, 3, "/t/Echo", "");
	rig_run_until(rig, &rig->handled, 1);
}

static void too_long_a_message(void **state)
{
	struct rig *rig = *state;

	reopen(rig, (struct grpc_server_config){ .max_message = 10 });
	rig_greet(rig);
	rig_call(rig, 1, "/t/Echo", "eleven char");
	refused(rig, 1, "8");
	rig_call(rig, 3, "/t/Echo", "ten chars.");
	rig_run_until(rig, &rig->handled, 1);
}

static void too_much_at_once(void **state)
{
	struct rig *rig = *state;
	auto_strbuf struct strbuf out = { 0 };

	reopen(rig, (struct grpc_server_config){ .max_message = 10, .max_buffered = 15 });
	rig_greet(rig);
	for (uint32_t i = 1; i <= 3; i += 2) {
		rig_put_request(&out, i, "/t/Echo", "application/grpc", NULL, NULL);
		rig_put_frame(&out, FRAME_DATA, 0, i, "\0\0\0\0\12ninechars", 14);
	}
	rig_send(rig, out.data, out.len);
	refused(rig, 3, "8");
	rig_send_frame(rig, FRAME_DATA, FLAG_END_STREAM, 1, "!", 1);
	rig_run_until(rig, &rig->handled, 1);
	rig_call(rig, 5, "/t/Echo", "ten chars.");
	rig_run_until(rig, &rig->handled, 2);
}

static void a_deadline(void **state)
{
	struct rig *rig = *state;
	auto_strbuf struct strbuf out = { 0 };

	rig_put_request(&out, 1, "/t/Hold", "application/grpc", "grpc-timeout", "30m");
	rig_put_frame(&out, FRAME_DATA, FLAG_END_STREAM, 1, "\0\0\0\0\0", 5);
	rig_send(rig, out.data, out.len);
	rig_run_until(rig, &rig->outcomes[GRPC_END_EXPIRED], 1);
	rig_run(rig);
	assert_true(rig_ended_with(rig, 1, "4"));
	assert_int_equal(rig->outcomes[GRPC_END_CANCELLED], 0);
}

static void an_unfinished_request(void **state)
{
	struct rig *rig = *state;
	auto_strbuf struct strbuf out = { 0 };

	reopen(rig, (struct grpc_server_config){ .stall_ms = 40 });
	rig_greet(rig);
	rig_put_request(&out, 1, "/t/Echo", "application/grpc", NULL, NULL);
	rig_send(rig, out.data, out.len);
	refused(rig, 1, "4");
}

static void wait_for_close(struct rig *rig)
{
	int64_t end_ms = clock_now_ms() + 10000;
	struct frame frame;

	while (!rig->closed && clock_now_ms() < end_ms) {
		rig_run(rig);
		(void)rig_find(rig, FRAME_GOAWAY, 0, 0, &frame);
	}
	assert_true(rig->closed);
}

static void a_client_that_says_nothing(void **state)
{
	struct rig *rig = *state;

	reopen(rig, (struct grpc_server_config){ .stall_ms = 40 });
	wait_for_close(rig);
}

static void something_else_than_http2(void **state)
{
	struct rig *rig = *state;

	reopen(rig, (struct grpc_server_config){ 0 });
	rig_send(rig, "GET / HTTP/1.1\r\nHost: x\r\n\r\n", 27);
	wait_for_close(rig);
}

static void broken_http2_ends_its_connection(void **state)
{
	struct rig *rig = *state;
	struct error err = { 0 };
	int fds[2];

	rig_call(rig, 1, "/t/Hold", "");
	rig_run_until(rig, &rig->n_held, 1);
	rig_send_frame(rig, FRAME_DATA, 0, 0, "x", 1);
	rig_run_until(rig, &rig->outcomes[GRPC_END_CANCELLED], 1);
	wait_for_close(rig);
	assert_int_equal(error_of(rig, FRAME_GOAWAY, 0, 4), 1);
	/* the server goes on */
	(void)close(rig->fd);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds),
			 0);
	rig->fd = fds[0];
	assert_int_equal(grpc_server_add(rig->server, fds[1], &err), 0);
	rig_greet(rig);
	rig_call(rig, 1, "/t/Echo", "");
	rig_run_until(rig, &rig->handled, 2);
}

static void on_drained(void *arg)
{
	struct rig *rig = arg;

	rig->drained = true;
}

static void draining_lets_calls_finish(void **state)
{
	struct rig *rig = *state;

	rig_call(rig, 1, "/t/Hold", "");
	rig_run_until(rig, &rig->n_held, 1);
	grpc_server_drain(rig->server, on_drained, rig);
	rig_run(rig);
	assert_int_equal(error_of(rig, FRAME_GOAWAY, 0, 4), 0);
	assert_false(rig->drained);
	rig_call(rig, 3, "/t/Echo", "");
	rig_run(rig);
	assert_int_equal(rig->handled, 1);
	assert_int_equal(grpc_call_reply(rig->held[0], "", 0), 0);
	wait_for_close(rig);
	assert_true(rig_ended_with(rig, 1, "0"));
	assert_true(rig->drained);
	assert_int_equal(rig->outcomes[GRPC_END_DELIVERED], 1);
}

static void draining_with_nobody_there(void **state)
{
	struct rig *rig = *state;

	(void)close(rig->fd);
	rig->fd = -1;
	rig_run(rig);
	grpc_server_drain(rig->server, on_drained, rig);
	assert_true(rig->drained);
}

static void freeing_tells_open_calls(void **state)
{
	struct rig *rig = *state;

	rig_call(rig, 1, "/t/Hold", "");
	rig_run_until(rig, &rig->n_held, 1);
	grpc_server_free(rig->server);
	rig->server = NULL;
	assert_int_equal(rig->outcomes[GRPC_END_CANCELLED], 1);
}

static void one_answer_a_call(void **state)
{
	struct rig *rig = *state;
	pid_t pid;
	uid_t uid;

	rig_call(rig, 1, "/t/Hold", "");
	rig_run_until(rig, &rig->n_held, 1);
	assert_ptr_equal(grpc_call_data(rig->held[0]), rig);
	grpc_call_peer(rig->held[0], &pid, &uid);
	assert_int_equal(pid, getpid());
	assert_int_equal(uid, geteuid());
	grpc_call_fail(rig->held[0], GRPC_ABORTED, "first");
	assert_int_equal(grpc_call_reply(rig->held[0], "", 0), -EALREADY);
	grpc_call_fail(rig->held[0], GRPC_INTERNAL, "third");
	rig_run(rig);
	assert_true(rig_ended_with(rig, 1, "10"));
	rig_run_until(rig, &rig->outcomes[GRPC_END_DELIVERED], 1);
}

static void a_reader_too_slow_for_a_long_answer(void **state)
{
	static char big[1 << 20];
	struct rig *rig = *state;
	struct frame frame;
	size_t got = 0;

	/* windows as wide as they can be */
	rig_send_frame(rig, FRAME_SETTINGS, 0, 0, "\0\4\177\377\377\377", 6);
	rig_send_frame(rig, 8, 0, 0, "\177\0\0\0", 4);
	rig_call(rig, 1, "/t/Hold", "");
	rig_run_until(rig, &rig->n_held, 1);
	assert_int_equal(grpc_call_reply(rig->held[0], big, sizeof(big)), 0);
	rig_run(rig);
	assert_int_equal(rig->outcomes[GRPC_END_DELIVERED], 0);
	for (int i = 0; i < 200 && !rig_ended_with(rig, 1, "0"); i++)
		rig_run(rig);
	for (int i = 0; rig_find(rig, FRAME_DATA, 1, i, &frame); i++)
		got += frame.len;
	assert_int_equal(got, sizeof(big) + GRPC_PREFIX_LEN);
	rig_run_until(rig, &rig->outcomes[GRPC_END_DELIVERED], 1);
}

enum { N_CLIENTS = 3 };

/* Connects clients to a listening server that takes two at a time. */
static void open_listening(struct rig *rig, const char *dir, int fds[static N_CLIENTS])
{
	struct error err = { 0 };
	char path[64];
	int fd;

	reopen(rig, (struct grpc_server_config){ .max_connections = 2 });
	(void)close(rig->fd);
	rig_run(rig);
	assert_true(snprintf(path, sizeof(path), "%s/s", dir) < (int)sizeof(path));
	fd = sock_listen_at(AT_FDCWD, path, 0600, 8);
	assert_true(fd >= 0);
	assert_int_equal(grpc_server_listen(rig->server, fd, &err), 0);
	for (int i = 0; i < N_CLIENTS; i++) {
		fds[i] = sock_connect_at(AT_FDCWD, path);
		assert_true(fds[i] >= 0);
		assert_int_equal(sock_set_nonblock(fds[i], true), 0);
	}
	(void)unlink(path);
	(void)rmdir(dir);
}

/* Lets a client, one of several, make a call. */
static void call_as(struct rig *rig, int fd, uint32_t stream, const char *path)
{
	rig->fd = fd;
	if (stream == 1)
		rig_greet(rig);
	rig_call(rig, stream, path, "");
}

static void idle_connections_make_way(void **state)
{
	struct rig *rig = *state;
	char dir[] = "/tmp/gt.XXXXXX";
	int fds[N_CLIENTS];
	struct frame frame;

	assert_non_null(mkdtemp(dir));
	open_listening(rig, dir, fds);
	for (int i = 0; i < 2; i++) {
		call_as(rig, fds[i], 1, "/t/Echo");
		rig_run_until(rig, &rig->handled, i + 1);
		(void)rig_find(rig, FRAME_DATA, 1, 0, &frame);
		rig_run_until(rig, &rig->outcomes[GRPC_END_DELIVERED], i + 1);
	}
	call_as(rig, fds[2], 1, "/t/Echo");
	rig_run_until(rig, &rig->handled, 3);
	assert_false(rig->closed);
	rig->fd = fds[0];
	(void)rig_find(rig, FRAME_DATA, 1, 0, &frame);
	assert_true(rig->closed);
	(void)close(fds[1]);
	(void)close(fds[2]);
}

static void newcomers_wait_for_busy_ones(void **state)
{
	struct rig *rig = *state;
	char dir[] = "/tmp/gt.XXXXXX";
	int fds[N_CLIENTS];

	assert_non_null(mkdtemp(dir));
	open_listening(rig, dir, fds);
	for (int i = 0; i < N_CLIENTS; i++)
		call_as(rig, fds[i], 1, "/t/Hold");
	rig_run_until(rig, &rig->n_held, 2);
	rig_run(rig);
	assert_int_equal(rig->n_held, 2);
	(void)close(fds[0]);
	rig_run_until(rig, &rig->n_held, 3);
	assert_int_equal(rig->outcomes[GRPC_END_CANCELLED], 1);
	(void)close(fds[1]);
}

#define test(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(a_call_byte_by_byte),
		test(a_hundred_calls_at_once),
		test(more_calls_than_allowed),
		test(a_cancelled_call),
		test(cancelled_with_the_answer_unread),
		test(a_client_that_goes_away),
		test(a_client_that_dies_before_reading),
		test(a_client_that_hangs),
		test(a_client_that_reads_and_leaves),
		test(bad_bodies),
		test(bad_headers),
		test(too_many_headers),
		test(too_long_a_message),
		test(too_much_at_once),
		test(a_deadline),
		test(an_unfinished_request),
		test(a_client_that_says_nothing),
		test(something_else_than_http2),
		test(broken_http2_ends_its_connection),
		test(draining_lets_calls_finish),
		test(draining_with_nobody_there),
		test(freeing_tells_open_calls),
		test(one_answer_a_call),
		test(a_reader_too_slow_for_a_long_answer),
		test(idle_connections_make_way),
		test(newcomers_wait_for_busy_ones),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
