#include "tests/unit/proxy_rig.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>
#include "agent/proto/calls.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/sock.h"
#include "cmd/acrun-proxy/clients.h"

enum { TURN_MS = 2, TURNS_MAX = 2500, STILL_RUNNING = 1 };

static void end_turn(void *arg)
{
	loop_stop(arg, STILL_RUNNING);
}

void rig_turn(struct rig *rig)
{
	if (rig->proxy.ended)
		return;
	assert_true(loop_add_timer(rig->loop, TURN_MS, end_turn, rig->loop) > 0);
	rig->loop_value = loop_run(rig->loop);
}

static void fill(struct rig_end *end)
{
	char data[65536];
	ssize_t n;

	while (end->fd >= 0 && (n = recv(end->fd, data, sizeof(data), MSG_DONTWAIT)) > 0)
		assert_int_equal(strbuf_add(&end->in, data, (size_t)n), 0);
}

static int64_t decode_ctl(struct rig_end *end, void *frame)
{
	return ctl_decode(strbuf_str(&end->in), end->in.len, frame);
}

static int64_t decode_tty(struct rig_end *end, void *frame)
{
	return tty_decode(strbuf_str(&end->in), end->in.len, frame);
}

static int64_t decode_ccproxy(struct rig_end *end, void *frame)
{
	return ccproxy_decode(strbuf_str(&end->in), end->in.len, frame);
}

/* Waits for a whole frame and copies its payload, so that the buffer can go on. */
static void receive(struct rig *rig, struct rig_end *end,
		    int64_t (*decode)(struct rig_end *, void *), void *frame, const char **payload,
		    const uint32_t *len)
{
	static struct strbuf kept; /* what the last frame's payload points to */
	int64_t used = 0;

	for (int i = 0; i < TURNS_MAX && used == 0; i++) {
		fill(end);
		used = decode(end, frame);
		if (used == 0)
			rig_turn(rig);
	}
	assert_true(used > 0);
	strbuf_done(&kept);
	assert_int_equal(strbuf_add(&kept, *payload, *len), 0);
	strbuf_consume(&end->in, (size_t)used);
	*payload = strbuf_str(&kept);
}

struct ccproxy_frame rig_receive(struct rig *rig, struct rig_end *end)
{
	struct ccproxy_frame frame = { 0 };

	receive(rig, end, decode_ccproxy, &frame, &frame.payload, &frame.len);
	return frame;
}

struct ctl_frame rig_call(struct rig *rig)
{
	struct ctl_frame frame = { 0 };

	receive(rig, &rig->ctl, decode_ctl, &frame, &frame.payload, &frame.len);
	return frame;
}

struct tty_frame rig_stdin(struct rig *rig)
{
	struct tty_frame frame = { 0 };

	receive(rig, &rig->tty, decode_tty, &frame, &frame.payload, &frame.len);
	return frame;
}

/* Lets the proxy read whenever the socket is full. */
static void send_all(struct rig_end *end, struct strbuf *buf)
{
	int turns = 0;

	while (buf->len > 0) {
		ssize_t n = send(end->fd, buf->data, buf->len, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n > 0) {
			strbuf_consume(buf, (size_t)n);
			continue;
		}
		assert_int_equal(errno, EAGAIN);
		assert_true(turns++ < TURNS_MAX);
		rig_turn(end->rig);
	}
	strbuf_done(buf);
}

void rig_send(struct rig_end *end, enum ccproxy_type type, unsigned opcode, const char *text)
{
	struct strbuf buf = { 0 };

	assert_int_equal(ccproxy_encode(&buf, type, opcode, false, text, strlen(text)), 0);
	send_all(end, &buf);
}

void rig_answer_bytes(struct rig *rig, uint32_t code, const void *data, size_t len)
{
	struct strbuf buf = { 0 };

	assert_int_equal(ctl_encode(&buf, code, data, len), 0);
	send_all(&rig->ctl, &buf);
}

void rig_answer(struct rig *rig, uint32_t code, const char *text)
{
	rig_answer_bytes(rig, code, text, strlen(text));
}

void rig_output(struct rig *rig, uint64_t stream, const void *data, size_t len)
{
	struct strbuf buf = { 0 };

	assert_int_equal(tty_encode(&buf, stream, data, len), 0);
	send_all(&rig->tty, &buf);
}

const char *rig_command(struct rig *rig, struct rig_end *end, unsigned opcode, const char *text)
{
	struct ccproxy_frame frame;

	rig_send(end, CCPROXY_COMMAND, opcode, text);
	frame = rig_receive(rig, end);
	assert_int_equal(frame.type, CCPROXY_RESPONSE);
	assert_int_equal(frame.opcode, opcode);
	assert_false(frame.error);
	return frame.payload;
}

const char *rig_refused(struct rig *rig, struct rig_end *end, unsigned opcode, const char *text)
{
	struct ccproxy_frame frame;

	rig_send(end, CCPROXY_COMMAND, opcode, text);
	frame = rig_receive(rig, end);
	assert_int_equal(frame.type, CCPROXY_RESPONSE);
	assert_int_equal(frame.opcode, opcode);
	assert_true(frame.error);
	return frame.payload;
}

bool rig_is_silent(struct rig *rig, struct rig_end *end)
{
	rig_turn(rig);
	fill(end);
	return end->in.len == 0;
}

bool rig_is_closed(struct rig *rig, struct rig_end *end)
{
	char byte;

	rig_turn(rig);
	fill(end);
	return recv(end->fd, &byte, 1, MSG_DONTWAIT) == 0;
}

struct rig_end rig_connect(struct rig *rig)
{
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	assert_int_equal(sock_set_nonblock(pair[0], true), 0);
	assert_non_null(client_add(&rig->proxy, pair[0]));
	return (struct rig_end){ .rig = rig, .fd = pair[1] };
}

void rig_end_close(struct rig_end *end)
{
	cleanup_close(&end->fd);
	strbuf_done(&end->in);
}

void rig_token(struct rig *rig, char token[static 45])
{
	const char *reply = rig_command(rig, &rig->runtime, CCPROXY_ATTACH_VM,
					"{\"containerId\":\"pod1\",\"numIOStreams\":1}");
	const char *pos = strstr(reply, "[\"");

	assert_non_null(pos);
	assert_int_equal(strcspn(pos + 2, "\""), 44);
	memcpy(token, pos + 2, 44);
	token[44] = '\0';
}

struct rig_end rig_shim(struct rig *rig, const char *token, const char *more)
{
	struct rig_end end = rig_connect(rig);
	char body[128];

	(void)snprintf(body, sizeof(body), "{\"token\":\"%s\"%s}", token, more);
	(void)rig_command(rig, &end, CCPROXY_CONNECT_SHIM, body);
	return end;
}

static void accept_into(struct rig *rig, struct rig_end *end, int listen_fd)
{
	end->rig = rig;
	end->fd = sock_accept(listen_fd, false);
	assert_true(end->fd >= 0);
}

/* What each original says to GETVERSION, by the recordings. */
static void tell_version(struct rig *rig, enum rig_agent agent)
{
	assert_int_equal(rig_call(rig).code, CALL_GETVERSION);
	if (agent == RIG_PLAIN) {
		rig_answer(rig, CALL_ERROR, "No callback found for command \"\"");
		return;
	}
	rig_answer_bytes(rig, CALL_NEXT, "\0\0\0\x08", 4);
	rig_answer_bytes(rig, CALL_ACK, agent == RIG_D1 ? "\0\0\x10\x92" : "\0\0\x10\x94", 4);
}

static void answer_greeting(struct rig *rig, enum rig_agent agent)
{
	struct ctl_frame hello = rig_call(rig);

	assert_int_equal(hello.code, CALL_HELLO);
	assert_string_equal(hello.payload, "{\"version\":1,\"window\":1048576}");
	if (agent == RIG_EXTENSION) {
		rig_answer(
			rig, CALL_ACK,
			"{\"version\":1,\"agent\":\"a\",\"kernel\":\"k\",\"features\":[\"flow\"]}");
		return;
	}
	if (agent == RIG_NUMBERED) {
		rig_answer(
			rig, CALL_ACK,
			"{\"version\":1,\"features\":[\"flow\",\"numbered\"],\"window\":1048576}");
		return;
	}
	rig_answer(rig, CALL_ERROR, agent == RIG_PLAIN ? "No callback found for command \"\"" : "");
	tell_version(rig, agent);
}

void rig_begin(struct rig *rig)
{
	char path[64];

	*rig = (struct rig){ .dir = "/tmp/test_proxy.XXXXXX",
			     .loop_value = STILL_RUNNING,
			     .ctl = { .fd = -1 },
			     .tty = { .fd = -1 },
			     .runtime = { .fd = -1 } };
	assert_non_null(mkdtemp(rig->dir));
	rig->loop = loop_new();
	assert_non_null(rig->loop);
	proxy_init(&rig->proxy, rig->loop, "unix:///run/p.sock");
	(void)snprintf(path, sizeof(path), "%s/ctl", rig->dir);
	rig->ctl_listen = sock_listen_at(AT_FDCWD, path, 0600, 1);
	(void)snprintf(path, sizeof(path), "%s/tty", rig->dir);
	rig->tty_listen = sock_listen_at(AT_FDCWD, path, 0600, 1);
}

void rig_accept(struct rig *rig)
{
	rig_turn(rig);
	accept_into(rig, &rig->ctl, rig->ctl_listen);
	accept_into(rig, &rig->tty, rig->tty_listen);
}

void rig_greet(struct rig *rig, enum rig_agent agent)
{
	rig_answer(rig, CALL_READY, "");
	answer_greeting(rig, agent);
}

void rig_open(struct rig *rig, enum rig_agent agent)
{
	char body[256];
	struct ccproxy_frame frame;

	rig_begin(rig);
	rig->runtime = rig_connect(rig);
	(void)snprintf(
		body, sizeof(body),
		"{\"containerId\":\"pod1\",\"ctlSerial\":\"%s/ctl\",\"ioSerial\":\"%s/tty\"}",
		rig->dir, rig->dir);
	rig_send(&rig->runtime, CCPROXY_COMMAND, CCPROXY_REGISTER_VM, body);
	rig_accept(rig);
	assert_true(rig_is_silent(rig, &rig->runtime));
	rig_greet(rig, agent);
	frame = rig_receive(rig, &rig->runtime);
	assert_int_equal(frame.type, CCPROXY_RESPONSE);
	assert_false(frame.error);
	assert_string_equal(frame.payload,
			    "{\"io\":{\"URL\":\"unix:///run/p.sock\",\"tokens\":null}}");
}

void rig_close(struct rig *rig)
{
	proxy_done(&rig->proxy);
	loop_free(rig->loop);
	rig_end_close(&rig->ctl);
	rig_end_close(&rig->tty);
	rig_end_close(&rig->runtime);
	cleanup_close(&rig->ctl_listen);
	cleanup_close(&rig->tty_listen);
	assert_int_equal(fs_remove_tree_at(AT_FDCWD, rig->dir), 0);
}

void rig_send_start(struct rig_end *end, const char *name, const char *token, bool terminal)
{
	char body[512];

	(void)snprintf(
		body, sizeof(body),
		"{\"hyperName\":\"%s\",\"tokens\":[\"%s\"],\"data\":{\"id\":\"c1\",\"container\":\"c1\",\"later\":{\"a\":[1.50,null]},"
		"\"process\":{\"x\":7,\"terminal\":%s}}}",
		name, token, terminal ? "true" : "false");
	rig_send(end, CCPROXY_COMMAND, CCPROXY_HYPER, body);
}

struct rig_end rig_started(struct rig *rig, const char *name, const char *more)
{
	char token[45];
	struct rig_end shim;
	struct ccproxy_frame frame;

	rig_token(rig, token);
	shim = rig_shim(rig, token, more);
	rig_send_start(&rig->runtime, name, token, false);
	(void)rig_call(rig);
	rig_answer(rig, CALL_ACK, "");
	frame = rig_receive(rig, &rig->runtime);
	assert_int_equal(frame.type, CCPROXY_RESPONSE);
	assert_false(frame.error);
	return shim;
}

void rig_assert_stream(struct rig *rig, struct rig_end *shim, unsigned opcode, const char *text)
{
	struct ccproxy_frame frame = rig_receive(rig, shim);

	assert_int_equal(frame.type, CCPROXY_STREAM);
	assert_int_equal(frame.opcode, opcode);
	assert_string_equal(frame.payload, text);
}

void rig_assert_exit(struct rig *rig, struct rig_end *shim, unsigned code)
{
	struct ccproxy_frame frame = rig_receive(rig, shim);

	assert_int_equal(frame.type, CCPROXY_NOTIFICATION);
	assert_int_equal(frame.opcode, CCPROXY_PROCESS_EXITED);
	assert_int_equal(frame.len, 1);
	assert_int_equal((unsigned char)frame.payload[0], code);
}

void rig_assert_call(struct rig *rig, uint32_t code, const char *body)
{
	struct ctl_frame call = rig_call(rig);

	assert_int_equal(call.code, code);
	assert_string_equal(call.payload, body);
}
