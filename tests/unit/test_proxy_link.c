#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>
#include "agent/proto/calls.h"
#include "agent/proto/linked.h"
#include "tests/unit/lossy.h"
#include "tests/unit/proxy_rig.h"

enum { PER_MILLE = 30, PIECES = 20, PIECE_BYTES = 10000, TURNS_MAX = 2500 };

/* The guest's end of the link: to the test it looks as a channel that loses nothing. */
struct bridge {
	struct rig *rig;
	struct linked linked;
	struct lossy lossy;
	int plain_fd, wire_fd;
	struct strbuf in, out;
	size_t sent;
};

struct bridges {
	struct bridge ctl, tty;
};

static void flush_bridge(void *arg)
{
	struct bridge *bridge = arg;
	ssize_t n;

	assert_true(linked_flush(&bridge->linked, bridge->wire_fd, &bridge->out, &bridge->sent) >=
		    0);
	while (bridge->in.len > 0 && (n = send(bridge->plain_fd, bridge->in.data, bridge->in.len,
					       MSG_DONTWAIT | MSG_NOSIGNAL)) > 0)
		strbuf_consume(&bridge->in, (size_t)n);
}

static void on_wire(void *arg, int fd, uint32_t events)
{
	struct bridge *bridge = arg;
	char data[65536];
	ssize_t n = recv(fd, data, sizeof(data), MSG_DONTWAIT);

	(void)events;
	if (n > 0)
		linked_receive(&bridge->linked, data, (size_t)n);
	assert_true(linked_take(&bridge->linked, &bridge->in) >= 0);
	flush_bridge(bridge);
}

static void on_plain(void *arg, int fd, uint32_t events)
{
	struct bridge *bridge = arg;
	char data[65536];
	ssize_t n = recv(fd, data, sizeof(data), MSG_DONTWAIT);

	(void)events;
	if (n <= 0) {
		loop_remove_fd(bridge->rig->loop, fd);
		return;
	}
	assert_int_equal(strbuf_add(&bridge->out, data, (size_t)n), 0);
	flush_bridge(bridge);
}

/* Between the proxy's channel and the test, which goes on with the plain end of it. */
static void insert(struct rig *rig, struct bridge *bridge, struct rig_end *end, uint32_t seed)
{
	int wire[2], plain[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, wire), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, plain), 0);
	*bridge = (struct bridge){ .rig = rig, .wire_fd = wire[0], .plain_fd = plain[0] };
	linked_init(&bridge->linked, rig->loop, false, flush_bridge, bridge);
	lossy_start(&bridge->lossy, rig->loop, end->fd, wire[1], PER_MILLE, seed);
	end->fd = plain[1];
	assert_int_equal(loop_add_fd(rig->loop, wire[0], EPOLLIN, on_wire, bridge), 0);
	assert_int_equal(loop_add_fd(rig->loop, plain[0], EPOLLIN, on_plain, bridge), 0);
	flush_bridge(bridge);
}

static void take_out(struct bridge *bridge)
{
	loop_remove_fd(bridge->rig->loop, bridge->wire_fd);
	loop_remove_fd(bridge->rig->loop, bridge->plain_fd);
	linked_done(&bridge->linked);
	lossy_stop(&bridge->lossy);
	close(bridge->wire_fd);
	close(bridge->plain_fd);
	strbuf_done(&bridge->in);
	strbuf_done(&bridge->out);
}

static void open_both(struct rig *rig, struct bridges *bridges)
{
	char body[256];

	rig_begin(rig);
	rig->proxy.link = true;
	rig->runtime = rig_connect(rig);
	(void)snprintf(
		body, sizeof(body),
		"{\"containerId\":\"pod1\",\"ctlSerial\":\"%s/ctl\",\"ioSerial\":\"%s/tty\"}",
		rig->dir, rig->dir);
	rig_send(&rig->runtime, CCPROXY_COMMAND, CCPROXY_REGISTER_VM, body);
	rig_accept(rig);
	insert(rig, &bridges->ctl, &rig->ctl, 1);
	insert(rig, &bridges->tty, &rig->tty, 2);
	rig_greet(rig, RIG_EXTENSION);
	assert_false(rig_receive(rig, &rig->runtime).error);
}

static void close_both(struct rig *rig, struct bridges *bridges)
{
	take_out(&bridges->ctl);
	take_out(&bridges->tty);
	rig_close(rig);
}

static void test_calls_and_streams_lose_nothing(void **state)
{
	static char data[PIECE_BYTES];
	struct bridges bridges;
	struct rig_end shim;
	struct rig rig;
	size_t got = 0;

	(void)state;
	open_both(&rig, &bridges);
	shim = rig_started(&rig, "createcontainer", "");
	for (int i = 0; i < PIECES; i++) {
		memset(data, 'a' + i, sizeof(data));
		rig_output(&rig, 3, data, sizeof(data));
	}
	while (got < (size_t)PIECES * PIECE_BYTES) {
		struct ccproxy_frame frame = rig_receive(&rig, &shim);

		assert_int_equal(frame.type, CCPROXY_STREAM);
		for (uint32_t i = 0; i < frame.len; i++, got++)
			assert_int_equal(frame.payload[i], 'a' + (int)(got / PIECE_BYTES));
	}
	rig_send(&shim, CCPROXY_STREAM, CCPROXY_STDIN, "what the shim has read");
	for (;;) {
		struct tty_frame in = rig_stdin(&rig);

		if (in.stream & STREAM_CREDIT_BIT)
			continue;
		assert_int_equal(in.stream, 3);
		assert_string_equal(in.payload, "what the shim has read");
		break;
	}
	rig_output(&rig, 3, "", 0);
	rig_output(&rig, 3, "\7", 1);
	rig_assert_exit(&rig, &shim, 7);
	assert_true(bridges.tty.lossy.hits > 0);
	rig_end_close(&shim);
	close_both(&rig, &bridges);
}

/* A guest that reboots inside a VMM that lives on: its channels stay open, and all is lost. */
static void test_a_guest_that_starts_anew_ends_its_processes(void **state)
{
	struct bridges bridges;
	struct rig_end shim;
	struct rig rig;

	(void)state;
	open_both(&rig, &bridges);
	bridges.ctl.lossy.per_mille = bridges.tty.lossy.per_mille = 0;
	shim = rig_started(&rig, "createcontainer", "");
	linked_done(&bridges.ctl.linked);
	linked_init(&bridges.ctl.linked, rig.loop, false, flush_bridge, &bridges.ctl);
	flush_bridge(&bridges.ctl);
	rig_assert_exit(&rig, &shim, 255);
	rig_end_close(&shim);
	close_both(&rig, &bridges);
}

/* Nothing is asked before both channels are ours, though READY comes when one is. */
static void test_the_greeting_waits_for_both_channels(void **state)
{
	struct bridge ctl;
	struct bridge tty;
	struct rig rig;
	char body[256];

	(void)state;
	rig_begin(&rig);
	rig.proxy.link = true;
	rig.runtime = rig_connect(&rig);
	(void)snprintf(
		body, sizeof(body),
		"{\"containerId\":\"pod1\",\"ctlSerial\":\"%s/ctl\",\"ioSerial\":\"%s/tty\"}",
		rig.dir, rig.dir);
	rig_send(&rig.runtime, CCPROXY_COMMAND, CCPROXY_REGISTER_VM, body);
	rig_accept(&rig);
	insert(&rig, &ctl, &rig.ctl, 1);
	ctl.lossy.per_mille = 0;
	rig_answer(&rig, CALL_READY, "");
	for (int i = 0; i < TURNS_MAX && !linked_is_open(&ctl.linked); i++)
		rig_turn(&rig);
	assert_true(rig_is_silent(&rig, &rig.ctl));
	insert(&rig, &tty, &rig.tty, 2);
	rig_assert_call(&rig, CALL_HELLO, "{\"version\":1,\"window\":1048576}");
	take_out(&ctl);
	take_out(&tty);
	rig_close(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_calls_and_streams_lose_nothing),
		cmocka_unit_test(test_a_guest_that_starts_anew_ends_its_processes),
		cmocka_unit_test(test_the_greeting_waits_for_both_channels),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
