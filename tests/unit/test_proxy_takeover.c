/*
 * The whole of a sandbox's wire in one process: the shim's counting, the proxy, channels that lose,
 * double and cut what passes, the guest's channels and its streams. The proxy is killed in the
 * middle, again and again; nothing may stall, and no byte may be lost or doubled. What befalls a
 * run is drawn from its seed; ACRUN_SEEDS=FROM-TO runs others than the usual few.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>
#include "agent/guest/channel.h"
#include "agent/guest/guest.h"
#include "agent/guest/stream.h"
#include "agent/proto/calls.h"
#include "agent/proto/numbered.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/sock.h"
#include "tests/unit/countingshim.h"
#include "tests/unit/lossy.h"
#include "tests/unit/proxy_rig.h"

enum {
	RESEND_MS = 4,
	LIMIT_MS = 20000, /* of a run, which takes a small part of that */
	KILLS_MAX = 4,
	SEEDS = 12,
};

/* One channel: the guest's end stays, hosts come and go. */
struct wire {
	struct sim *sim;
	int listen_fd, carrier_fd;
	bool up;
	struct lossy lossy;
};

struct sim {
	struct rig rig;
	char journal[64];
	struct wire wires[2];
	uint32_t random;
	unsigned per_mille;
	struct guest guest;
	struct channel ctl, tty;
	struct stream stream;
	bool started, ended;
	int pipes[3]; /* the process's ends of them; -1 when it has closed them */
	uint64_t done[3];
	struct shim shim;
	bool pinging;
	unsigned kills, pings;
};

static unsigned draw(struct sim *sim, unsigned below)
{
	sim->random = sim->random * 1664525 + 1013904223;
	return (sim->random >> 8) % below;
}

/* --- the channels --- */

static void on_host(void *arg, int fd, uint32_t events)
{
	struct wire *wire = arg;
	int host = sock_accept(fd, true);
	int carrier = fcntl(wire->carrier_fd, F_DUPFD_CLOEXEC, 0);

	(void)events;
	assert_true(host >= 0 && carrier >= 0 && !wire->up);
	lossy_start(&wire->lossy, wire->sim->rig.loop, carrier, host, wire->sim->per_mille,
		    wire->sim->random++);
	wire->up = true;
}

static void open_wire(struct sim *sim, struct wire *wire, int listen_fd, struct channel *channel)
{
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
	*wire = (struct wire){ .sim = sim, .listen_fd = listen_fd, .carrier_fd = pair[1] };
	assert_int_equal(loop_add_fd(sim->rig.loop, listen_fd, EPOLLIN, on_host, wire), 0);
	channel->loop = sim->rig.loop;
	channel->arg = sim;
	channel->acknowledged = true;
	assert_int_equal(channel_start(channel, pair[0]), 0);
	channel->linked.link.resend_min_ms = RESEND_MS;
}

static void hang_up(struct wire *wire)
{
	if (wire->up)
		lossy_stop(&wire->lossy);
	wire->up = false;
}

static void close_wire(struct wire *wire, struct channel *channel)
{
	hang_up(wire);
	loop_remove_fd(wire->sim->rig.loop, wire->listen_fd);
	loop_remove_fd(wire->sim->rig.loop, channel->fd);
	linked_done(&channel->linked);
	strbuf_done(&channel->in);
	strbuf_done(&channel->out);
	close(channel->fd);
	close(wire->carrier_fd);
}

/* --- the guest --- */

static void answer(struct sim *sim, uint32_t number, uint32_t code, const char *text)
{
	size_t len = strlen(text);

	if (number)
		assert_int_equal(numbered_encode(&sim->ctl.out, number, code, text, len), 0);
	else
		assert_int_equal(ctl_encode(&sim->ctl.out, code, text, len), 0);
}

static void start_process(struct sim *sim, const struct ctl_frame *frame)
{
	int in[2], out[2], err[2];

	assert_false(sim->started);
	sim->started = true;
	assert_int_equal(pipe2(in, O_NONBLOCK | O_CLOEXEC), 0);
	assert_int_equal(pipe2(out, O_NONBLOCK | O_CLOEXEC), 0);
	assert_int_equal(pipe2(err, O_NONBLOCK | O_CLOEXEC), 0);
	sim->pipes[SHIM_IN] = in[0];
	sim->pipes[SHIM_OUT] = out[1];
	sim->pipes[SHIM_ERR] = err[1];
	stream_init(&sim->stream, &sim->guest,
		    shim_find_number(frame->payload, frame->len, "\"stdio\":"),
		    shim_find_number(frame->payload, frame->len, "\"stderr\":"));
	stream_open_pipes(&sim->stream, in[1], out[0], err[0]);
}

static void resume(struct sim *sim, uint32_t number, const struct ctl_frame *frame)
{
	auto_arena struct arena arena = { 0 };
	auto_strbuf struct strbuf text = { 0 };
	struct call_resume call;
	struct call_resume_reply reply = { 0 };
	struct error err = { 0 };

	assert_int_equal(json_decode(&call_resume_type, frame->payload, frame->len, NULL, &arena,
				     &call, &err),
			 0);
	if (streams_continue(&sim->guest, &call, &reply, &err) < 0) {
		answer(sim, number, CALL_ERROR, err.text);
		return;
	}
	assert_int_equal(json_encode(&call_resume_reply_type, &reply, 0, &text), 0);
	answer(sim, number, CALL_ACK, strbuf_str(&text));
}

static void take_call(struct sim *sim, uint32_t number, const struct ctl_frame *frame)
{
	switch (frame->code) {
	case CALL_HELLO:
		sim->guest.resume = sim->guest.flow = true;
		sim->guest.out_window = STREAM_WINDOW;
		answer(sim, number, CALL_ACK,
		       "{\"version\":1,\"features\":[\"flow\",\"numbered\",\"resume\"]}");
		break;
	case CALL_CREATECONTAINER:
		start_process(sim, frame);
		answer(sim, number, CALL_ACK, "");
		break;
	case CALL_RESUME:
		resume(sim, number, frame);
		break;
	default:
		answer(sim, number, CALL_ACK, "");
		break;
	}
}

static void ctl_connected(void *arg, bool taken_over)
{
	struct sim *sim = arg;

	if (taken_over)
		streams_suspend(&sim->guest);
	answer(sim, 0, CALL_READY, "");
	channel_flush(&sim->ctl);
}

static int64_t ctl_input(void *arg, const char *data, size_t len, size_t fresh)
{
	struct sim *sim = arg;
	size_t taken = 0;

	(void)fresh;
	for (;;) {
		struct ctl_frame frame, inner;
		uint32_t number;
		int64_t n = ctl_decode(data + taken, len - taken, &frame);

		assert_true(n >= 0);
		if (n == 0)
			break;
		taken += (size_t)n;
		if (frame.code == CTL_NUMBERED) {
			assert_int_equal(numbered_decode(&frame, &number, &inner), 0);
			take_call(sim, number, &inner);
		} else {
			take_call(sim, 0, &frame);
		}
	}
	channel_flush(&sim->ctl);
	return (int64_t)taken;
}

static void tty_connected(void *arg, bool taken_over)
{
	struct sim *sim = arg;

	if (taken_over)
		streams_suspend(&sim->guest);
	channel_flush(&sim->tty);
}

static int64_t tty_input(void *arg, const char *data, size_t len, size_t fresh)
{
	struct sim *sim = arg;
	struct tty_frame frame;
	size_t taken = 0;
	int64_t n;

	(void)fresh;
	while ((n = tty_decode(data + taken, len - taken, &frame)) > 0) {
		taken += (size_t)n;
		streams_input(&sim->guest, &frame);
	}
	assert_true(n == 0);
	channel_flush(&sim->tty);
	return (int64_t)taken;
}

static void drained(void *arg)
{
	struct sim *sim = arg;

	streams_resume(&sim->guest);
}

static const struct channel_events ctl_events = { ctl_connected, ctl_input, drained };
static const struct channel_events tty_events = { tty_connected, tty_input, drained };

/* --- the process --- */

static void say(struct sim *sim, int stream, uint64_t total)
{
	char data[8192];
	uint64_t left = total - sim->done[stream];
	size_t len = left < sizeof(data) ? (size_t)left : sizeof(data);
	ssize_t n;

	if (sim->pipes[stream] < 0)
		return;
	shim_fill(stream, sim->done[stream], data, len);
	n = write(sim->pipes[stream], data, len);
	if (n > 0)
		sim->done[stream] += (uint64_t)n;
	if (sim->done[stream] == total)
		cleanup_close(&sim->pipes[stream]);
}

static void hear(struct sim *sim)
{
	char data[8192];
	ssize_t n;

	while (sim->pipes[SHIM_IN] >= 0 &&
	       (n = read(sim->pipes[SHIM_IN], data, sizeof(data))) >= 0) {
		shim_check(SHIM_IN, sim->done[SHIM_IN], data, (size_t)n);
		sim->done[SHIM_IN] += (uint64_t)n;
		if (n == 0)
			cleanup_close(&sim->pipes[SHIM_IN]);
	}
}

static void run_process(struct sim *sim)
{
	if (!sim->started || sim->ended)
		return;
	say(sim, SHIM_OUT, SHIM_OUT_BYTES);
	say(sim, SHIM_ERR, SHIM_ERR_BYTES);
	hear(sim);
	if (sim->pipes[SHIM_IN] >= 0 || sim->pipes[SHIM_OUT] >= 0 || sim->pipes[SHIM_ERR] >= 0)
		return;
	assert_int_equal(sim->done[SHIM_IN], SHIM_IN_BYTES);
	sim->ended = true;
	stream_exit(&sim->stream, SHIM_EXIT_CODE);
}

/* --- the runtime --- */

static void ping(struct sim *sim)
{
	struct rig_end *end = &sim->rig.runtime;

	rig_send(end, CCPROXY_COMMAND, CCPROXY_ATTACH_VM, "{\"containerId\":\"pod1\"}");
	rig_send(end, CCPROXY_COMMAND, CCPROXY_HYPER, "{\"hyperName\":\"ping\"}");
	sim->pinging = true;
	sim->pings = 0;
}

static void read_pings(struct sim *sim)
{
	struct rig_end *end = &sim->rig.runtime;
	struct ccproxy_frame frame;
	char data[4096];
	ssize_t n = recv(end->fd, data, sizeof(data), MSG_DONTWAIT);

	if (n > 0)
		assert_int_equal(strbuf_add(&end->in, data, (size_t)n), 0);
	while ((n = ccproxy_decode(strbuf_str(&end->in), end->in.len, &frame)) > 0) {
		assert_false(frame.error);
		strbuf_consume(&end->in, (size_t)n);
		if (++sim->pings == 2)
			sim->pinging = false;
	}
}

/* --- the run --- */

static void use_link(struct sim *sim)
{
	sim->rig.proxy.link = true;
	sim->rig.proxy.journal.path = sim->journal;
	sim->rig.proxy.waits.resend_ms = RESEND_MS;
}

static void kill_proxy(struct sim *sim)
{
	struct rig *rig = &sim->rig;
	struct error err = { 0 };

	/* One that is killed writes nothing more. */
	cleanup_close(&rig->proxy.journal.fd);
	proxy_done(&rig->proxy);
	rig_end_close(&rig->runtime);
	rig_end_close(&sim->shim.end);
	hang_up(&sim->wires[0]);
	hang_up(&sim->wires[1]);
	proxy_init(&rig->proxy, rig->loop, "unix:///run/p.sock");
	use_link(sim);
	assert_int_equal(proxy_restore(&rig->proxy, &err), 0);
	rig->runtime = rig_connect(rig);
	shim_join(&sim->shim, rig);
	ping(sim);
	sim->kills++;
}

static void open_sim(struct sim *sim, uint32_t seed)
{
	struct rig *rig = &sim->rig;
	char body[256];

	*sim = (struct sim){ .random = seed * 2654435761U, .pipes = { -1, -1, -1 } };
	sim->per_mille = 1 + draw(sim, 30);
	rig_begin(rig);
	(void)snprintf(sim->journal, sizeof(sim->journal), "%s/journal", rig->dir);
	use_link(sim);
	sim->guest = (struct guest){ .loop = rig->loop, .ctl = &sim->ctl, .tty = &sim->tty };
	sim->ctl = (struct channel){ .length_at = 4, .events = &ctl_events };
	sim->tty = (struct channel){ .length_at = 8, .keep_output = true, .events = &tty_events };
	open_wire(sim, &sim->wires[0], rig->ctl_listen, &sim->ctl);
	open_wire(sim, &sim->wires[1], rig->tty_listen, &sim->tty);
	rig->runtime = rig_connect(rig);
	(void)snprintf(
		body, sizeof(body),
		"{\"containerId\":\"pod1\",\"ctlSerial\":\"%s/ctl\",\"ioSerial\":\"%s/tty\"}",
		rig->dir, rig->dir);
	(void)rig_command(rig, &rig->runtime, CCPROXY_REGISTER_VM, body);
	rig_token(rig, sim->shim.token);
	shim_join(&sim->shim, rig);
	while (!sim->shim.accepted) {
		rig_turn(rig);
		shim_read(&sim->shim);
	}
	rig_send_start(&rig->runtime, "createcontainer", sim->shim.token, false);
	assert_false(rig_receive(rig, &rig->runtime).error);
}

static void close_sim(struct sim *sim)
{
	while (sim->guest.streams) {
		struct stream *st = sim->guest.streams;

		stream_done(st);
		if (st != &sim->stream)
			free(st);
	}
	for (int i = 0; i < 3; i++)
		cleanup_close(&sim->pipes[i]);
	close_wire(&sim->wires[0], &sim->ctl);
	close_wire(&sim->wires[1], &sim->tty);
	strbuf_done(&sim->shim.kept);
	rig_end_close(&sim->shim.end);
	rig_close(&sim->rig);
}

static void tell(const struct sim *sim, uint32_t seed)
{
	print_message(
		"seed %u: %u kills, %u per mille; stdout %" PRIu64 " of %" PRIu64
		" said, stderr %" PRIu64 " of %" PRIu64 ", stdin %" PRIu64 " of %" PRIu64
		" heard; accepted %d, pinging %d, suspended %d; links open %d %d, unacknowledged %zu %zu, timers %d %d\n",
		seed, sim->kills, sim->per_mille, sim->shim.got[SHIM_OUT], sim->done[SHIM_OUT],
		sim->shim.got[SHIM_ERR], sim->done[SHIM_ERR], sim->done[SHIM_IN], sim->shim.in_end,
		sim->shim.accepted, sim->pinging, sim->stream.suspended,
		sim->ctl.linked.link.state == LINK_OPEN, sim->tty.linked.link.state == LINK_OPEN,
		sim->ctl.linked.link.out.len, sim->tty.linked.link.out.len, sim->ctl.linked.timer,
		sim->tty.linked.timer);
}

/* Returns how long it took. */
static int64_t run(uint32_t seed)
{
	int64_t begin_ms = clock_now_ms();
	struct sim sim;
	unsigned kills;

	open_sim(&sim, seed);
	kills = draw(&sim, KILLS_MAX + 1);
	while (!sim.shim.exited || sim.pinging) {
		rig_turn(&sim.rig);
		run_process(&sim);
		shim_run(&sim.shim);
		read_pings(&sim);
		if (sim.kills < kills && !sim.shim.exited && draw(&sim, 20) == 0)
			kill_proxy(&sim);
		if (sim.rig.proxy.ended || clock_now_ms() - begin_ms > LIMIT_MS) {
			tell(&sim, seed);
			fail_msg("%s", sim.rig.proxy.ended ? "the proxy gave up" : "it stalls");
		}
	}
	close_sim(&sim);
	return clock_now_ms() - begin_ms;
}

static void test_nothing_stalls_whatever_is_lost(void **state)
{
	const char *seeds = getenv("ACRUN_SEEDS");
	uint32_t from = 1, to = SEEDS;

	(void)state;
	if (seeds)
		assert_int_equal(sscanf(seeds, "%" SCNu32 "-%" SCNu32, &from, &to), 2);
	for (uint32_t seed = from; seed <= to; seed++) {
		int64_t ms = run(seed);

		if (seeds)
			print_message("seed %u: %lld ms\n", seed, (long long)ms);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_stalls_whatever_is_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
