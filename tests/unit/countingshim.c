#include "tests/unit/countingshim.h"

#include <endian.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <cmocka.h>
#include "agent/proto/ccproxy.h"

enum { CREDIT_STEP = STREAM_WINDOW / 4, PIECE = 32 << 10 };

static char byte_at(int stream, uint64_t i)
{
	return (char)((i * 2654435761U >> 13) + i / 4093 + (uint64_t)stream * 77);
}

void shim_fill(int stream, uint64_t from, char *data, size_t len)
{
	for (size_t i = 0; i < len; i++)
		data[i] = byte_at(stream, from + i);
}

void shim_check(int stream, uint64_t from, const char *data, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (data[i] != byte_at(stream, from + i))
			fail_msg("byte %" PRIu64 " of stream %d is wrong", from + i, stream);
}

uint64_t shim_find_number(const char *data, size_t len, const char *key)
{
	const char *pos = len > 0 ? memmem(data, len, key, strlen(key)) : NULL;
	uint64_t number = 0;

	if (!pos)
		return UINT64_MAX;
	for (pos += strlen(key); pos < data + len && *pos >= '0' && *pos <= '9'; pos++)
		number = number * 10 + (uint64_t)(*pos - '0');
	return number;
}

static void put(struct shim *shim, enum ccproxy_type type, unsigned opcode, const void *data,
		size_t len)
{
	struct strbuf buf = { 0 };

	assert_int_equal(ccproxy_encode(&buf, type, opcode, false, data, len), 0);
	for (size_t sent = 0; sent < buf.len;) {
		ssize_t n = send(shim->end.fd, buf.data + sent, buf.len - sent,
				 MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n > 0)
			sent += (size_t)n;
		else
			rig_turn(shim->end.rig);
	}
	strbuf_done(&buf);
}

void shim_join(struct shim *shim, struct rig *rig)
{
	char body[256];
	int len = snprintf(body, sizeof(body),
			   "{\"token\":\"%s\",\"flow\":true,\"resume\":true,\"stdout\":%" PRIu64
			   ",\"stdoutTaken\":%" PRIu64 ",\"stderr\":%" PRIu64
			   ",\"stderrTaken\":%" PRIu64 "}",
			   shim->token, shim->got[SHIM_OUT], shim->got[SHIM_OUT],
			   shim->got[SHIM_ERR], shim->got[SHIM_ERR]);

	shim->end = rig_connect(rig);
	shim->accepted = false;
	memcpy(shim->credited, shim->got, sizeof(shim->got));
	put(shim, CCPROXY_COMMAND, CCPROXY_CONNECT_SHIM, body, (size_t)len);
}

static void drop_kept(struct shim *shim, uint64_t end)
{
	uint64_t begin = shim->in_end - shim->kept.len;

	assert_true(end <= shim->in_end);
	if (end > begin)
		strbuf_consume(&shim->kept, (size_t)(end - begin));
}

static void take_response(struct shim *shim, const struct ccproxy_frame *frame)
{
	uint64_t received;

	if (frame->error)
		fail_msg("the proxy refused: %.*s", (int)frame->len, frame->payload);
	shim->accepted = true;
	received = shim_find_number(frame->payload, frame->len, "\"stdin\":");
	if (received == UINT64_MAX)
		return;
	shim->in_taken = shim_find_number(frame->payload, frame->len, "\"stdinTaken\":");
	drop_kept(shim, received);
	for (size_t at = 0; at < shim->kept.len; at += PIECE) {
		size_t len = shim->kept.len - at;

		put(shim, CCPROXY_STREAM, CCPROXY_STDIN, shim->kept.data + at,
		    len < PIECE ? len : PIECE);
	}
	if (shim->in_eof)
		put(shim, CCPROXY_STREAM, CCPROXY_STDIN, "", 0);
}

static void take_frame(struct shim *shim, const struct ccproxy_frame *frame)
{
	uint32_t bytes;

	if (frame->type == CCPROXY_STREAM) {
		int stream = frame->opcode == CCPROXY_STDERR ? SHIM_ERR : SHIM_OUT;

		shim_check(stream, shim->got[stream], frame->payload, frame->len);
		shim->got[stream] += frame->len;
	} else if (frame->type == CCPROXY_RESPONSE) {
		take_response(shim, frame);
	} else if (frame->opcode == CCPROXY_STDIN_CREDIT) {
		memcpy(&bytes, frame->payload, sizeof(bytes));
		shim->in_taken += be32toh(bytes);
		drop_kept(shim, shim->in_taken);
	} else if (frame->opcode == CCPROXY_PROCESS_EXITED) {
		assert_int_equal(frame->payload[0], SHIM_EXIT_CODE);
		assert_int_equal(shim->got[SHIM_OUT], SHIM_OUT_BYTES);
		assert_int_equal(shim->got[SHIM_ERR], SHIM_ERR_BYTES);
		shim->exited = true;
	}
}

void shim_read(struct shim *shim)
{
	struct rig_end *end = &shim->end;
	struct ccproxy_frame frame;
	char data[65536];
	size_t used = 0;
	ssize_t n;

	while ((n = recv(end->fd, data, sizeof(data), MSG_DONTWAIT)) > 0)
		assert_int_equal(strbuf_add(&end->in, data, (size_t)n), 0);
	while (!shim->exited &&
	       (n = ccproxy_decode(strbuf_str(&end->in) + used, end->in.len - used, &frame)) > 0) {
		take_frame(shim, &frame);
		used += (size_t)n;
	}
	strbuf_consume(&end->in, used);
}

static void give_credit(struct shim *shim)
{
	uint32_t bytes[2];

	if (shim->got[SHIM_OUT] - shim->credited[SHIM_OUT] < CREDIT_STEP &&
	    shim->got[SHIM_ERR] - shim->credited[SHIM_ERR] < CREDIT_STEP)
		return;
	for (int i = SHIM_OUT; i <= SHIM_ERR; i++) {
		bytes[i] = htobe32((uint32_t)(shim->got[i] - shim->credited[i]));
		shim->credited[i] = shim->got[i];
	}
	put(shim, CCPROXY_NOTIFICATION, CCPROXY_OUTPUT_CREDIT, bytes, sizeof(bytes));
}

static void send_stdin(struct shim *shim)
{
	char data[8192];
	uint64_t credit = STREAM_WINDOW - (shim->in_end - shim->in_taken);
	uint64_t left = SHIM_IN_BYTES - shim->in_end;
	size_t len = left < sizeof(data) ? (size_t)left : sizeof(data);

	if (len > credit)
		len = (size_t)credit;
	if (shim->in_eof || (len == 0 && left > 0))
		return;
	shim_fill(SHIM_IN, shim->in_end, data, len);
	assert_int_equal(strbuf_add(&shim->kept, data, len), 0);
	shim->in_end += len;
	shim->in_eof = len == 0;
	put(shim, CCPROXY_STREAM, CCPROXY_STDIN, data, len);
}

void shim_run(struct shim *shim)
{
	shim_read(shim);
	if (!shim->accepted || shim->exited)
		return;
	give_credit(shim);
	send_stdin(shim);
}
