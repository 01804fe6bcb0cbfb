#include "tests/unit/grpc_rig.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/clock.h"

enum { FRAME_HEADER = 9, PATIENCE_MS = 10000, ROUND_MS = 2 };

static void on_echo(void *arg, struct grpc_call *call, const char *message, size_t len)
{
	struct rig *rig = arg;

	rig->handled++;
	assert_int_equal(grpc_call_reply(call, message, len), 0);
}

static void on_fail(void *arg, struct grpc_call *call, const char *message, size_t len)
{
	struct rig *rig = arg;

	rig->handled++;
	grpc_call_fail(call, GRPC_NOT_FOUND, "%.*s", (int)len, message);
}

static void on_hold(void *arg, struct grpc_call *call, const char *message, size_t len)
{
	struct rig *rig = arg;

	(void)message;
	(void)len;
	rig->handled++;
	assert_true(rig->n_held < RIG_HELD_MAX);
	grpc_call_set_data(call, rig);
	rig->held[rig->n_held++] = call;
}

static void on_end(void *arg, struct grpc_call *call, enum grpc_outcome outcome)
{
	struct rig *rig = arg;

	assert_non_null(grpc_call_path(call));
	rig->outcomes[outcome]++;
}

static const struct grpc_method methods[] = {
	{ "/t/Echo", on_echo },
	{ "/t/Fail", on_fail },
	{ "/t/Hold", on_hold },
};

void rig_open(struct rig *rig, const struct grpc_server_config *config)
{
	struct grpc_server_config full = config ? *config : (struct grpc_server_config){ 0 };
	struct error err = { 0 };
	int fds[2];

	*rig = (struct rig){ .loop = loop_new() };
	assert_non_null(rig->loop);
	full.methods = methods;
	full.n_methods = sizeof(methods) / sizeof(methods[0]);
	full.end = on_end;
	full.arg = rig;
	rig->server = grpc_server_new(rig->loop, &full, &err);
	assert_non_null(rig->server);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds),
			 0);
	rig->fd = fds[0];
	assert_int_equal(grpc_server_add(rig->server, fds[1], &err), 0);
}

void rig_close(struct rig *rig)
{
	grpc_server_free(rig->server);
	loop_free(rig->loop);
	if (rig->fd >= 0)
		(void)close(rig->fd);
	strbuf_done(&rig->got);
}

static void stop(void *arg)
{
	loop_stop(arg, 0);
}

void rig_run(struct rig *rig)
{
	for (int i = 0; i < 3; i++) {
		assert_true(loop_add_timer(rig->loop, ROUND_MS, stop, rig->loop) > 0);
		assert_int_equal(loop_run(rig->loop), 0);
	}
}

void rig_run_until(struct rig *rig, const int *value, int wanted)
{
	int64_t end_ms = clock_now_ms() + PATIENCE_MS;

	while (*value != wanted && clock_now_ms() < end_ms)
		rig_run(rig);
	assert_int_equal(*value, wanted);
}

void rig_send(struct rig *rig, const void *data, size_t len)
{
	const char *at = data;

	while (len > 0) {
		ssize_t n = send(rig->fd, at, len, MSG_NOSIGNAL);

		if (n < 0) {
			assert_int_equal(errno, EAGAIN);
			rig_run(rig);
			continue;
		}
		at += n;
		len -= (size_t)n;
	}
}

void rig_put_frame(struct strbuf *out, uint8_t type, uint8_t flags, uint32_t stream,
		   const void *payload, size_t len)
{
	const uint8_t head[FRAME_HEADER] = {
		(uint8_t)(len >> 16),
		(uint8_t)(len >> 8),
		(uint8_t)len,
		type,
		flags,
		(uint8_t)(stream >> 24),
		(uint8_t)(stream >> 16),
		(uint8_t)(stream >> 8),
		(uint8_t)stream,
	};

	assert_int_equal(strbuf_add(out, head, sizeof(head)), 0);
	assert_int_equal(strbuf_add(out, payload, len), 0);
}

void rig_send_frame(struct rig *rig, uint8_t type, uint8_t flags, uint32_t stream,
		    const void *payload, size_t len)
{
	auto_strbuf struct strbuf buf = { 0 };

	rig_put_frame(&buf, type, flags, stream, payload, len);
	rig_send(rig, buf.data, buf.len);
}

void rig_greet(struct rig *rig)
{
	rig_send(rig, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 24);
	/* No dynamic table: the server writes each header out. */
	rig_send_frame(rig, FRAME_SETTINGS, 0, 0, "\0\1\0\0\0\0", 6);
}

static void put_text(struct strbuf *out, const char *text)
{
	size_t len = strlen(text);

	/* HPACK's length: 7 bits here, the rest in groups of 7 */
	if (len < 127) {
		assert_int_equal(strbuf_addc(out, (char)len), 0);
	} else {
		assert_int_equal(strbuf_addc(out, 127), 0);
		for (len -= 127; len >= 128; len >>= 7)
			assert_int_equal(strbuf_addc(out, (char)(len | 0x80)), 0);
		assert_int_equal(strbuf_addc(out, (char)len), 0);
	}
	assert_int_equal(strbuf_adds(out, text), 0);
}

void rig_put_header(struct strbuf *out, const char *name, const char *value)
{
	assert_int_equal(strbuf_addc(out, 0), 0);
	put_text(out, name);
	put_text(out, value);
}

void rig_put_request(struct strbuf *out, uint32_t stream, const char *path, const char *type,
		     const char *extra, const char *extra_value)
{
	auto_strbuf struct strbuf headers = { 0 };

	rig_put_header(&headers, ":method", "POST");
	rig_put_header(&headers, ":scheme", "http");
	rig_put_header(&headers, ":path", path);
	rig_put_header(&headers, ":authority", "x");
	rig_put_header(&headers, "te", "trailers");
	rig_put_header(&headers, "content-type", type);
	if (extra)
		rig_put_header(&headers, extra, extra_value);
	rig_put_frame(out, FRAME_HEADERS, FLAG_END_HEADERS, stream, headers.data, headers.len);
}

void rig_call(struct rig *rig, uint32_t stream, const char *path, const char *message)
{
	auto_strbuf struct strbuf body = { 0 };
	auto_strbuf struct strbuf out = { 0 };

	assert_int_equal(grpc_message_encode(message, strlen(message), &body), 0);
	rig_put_request(&out, stream, path, "application/grpc", NULL, NULL);
	rig_put_frame(&out, FRAME_DATA, FLAG_END_STREAM, stream, body.data, body.len);
	rig_send(rig, out.data, out.len);
}

static void read_all(struct rig *rig)
{
	char buf[4096];
	ssize_t n;

	while ((n = recv(rig->fd, buf, sizeof(buf), 0)) > 0)
		assert_int_equal(strbuf_add(&rig->got, buf, (size_t)n), 0);
	if (n == 0)
		rig->closed = true;
}

bool rig_find(struct rig *rig, uint8_t type, uint32_t stream, int n, struct frame *frame)
{
	size_t at = 0;

	read_all(rig);
	while (at + FRAME_HEADER <= rig->got.len) {
		const uint8_t *head = (const uint8_t *)rig->got.data + at;

		*frame = (struct frame){
			.len = (size_t)head[0] << 16 | (size_t)head[1] << 8 | head[2],
			.type = head[3],
			.flags = head[4],
			.stream = (uint32_t)head[5] << 24 | (uint32_t)head[6] << 16 |
				  (uint32_t)head[7] << 8 | head[8],
			.payload = rig->got.data + at + FRAME_HEADER,
		};
		at += FRAME_HEADER + frame->len;
		if (at <= rig->got.len && frame->type == type && frame->stream == stream &&
		    n-- == 0)
			return true;
	}
	return false;
}

bool rig_ended_with(struct rig *rig, uint32_t stream, const char *value)
{
	char field[32];
	struct frame frame;
	int n = 0;

	while (rig_find(rig, FRAME_HEADERS, stream, n, &frame))
		n++;
	if (n == 0 || !rig_find(rig, FRAME_HEADERS, stream, n - 1, &frame) ||
	    !(frame.flags & FLAG_END_STREAM))
		return false;
	/* Digits are not shorter in Huffman's code, so they stand as they are. */
	field[0] = (char)strlen(value);
	memcpy(field + 1, value, strlen(value));
	return memmem(frame.payload, frame.len, field, strlen(value) + 1) != NULL;
}
