#include "runtime/factory/grpc_internal.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"

/* How long after an answer the kernel is first asked whether the client has read it. Most close, or
 * send something, before. */
enum { PROOF_MS = 10 };

struct grpc_call *grpc_call_new(struct grpc_conn *conn, int32_t stream_id)
{
	struct grpc_call *call = calloc(1, sizeof(*call));

	if (!call)
		return NULL;
	call->conn = conn;
	call->stream_id = stream_id;
	call->begun_ms = clock_now_ms();
	call->inbox.max = conn->server->config.max_message;
	call->next = conn->calls;
	conn->calls = call;
	return call;
}

void grpc_call_end(struct grpc_call *call, enum grpc_outcome outcome)
{
	const struct grpc_server_config *config = &call->conn->server->config;

	if (!call->handed)
		return;
	call->handed = false;
	config->end(config->arg, call, outcome);
}

static void drop_request(struct grpc_call *call)
{
	call->conn->server->buffered -= call->inbox.message.len;
	grpc_inbox_done(&call->inbox);
}

void grpc_call_free(struct grpc_call *call)
{
	struct grpc_call **link = &call->conn->calls;

	assert(!call->handed);
	while (*link != call)
		link = &(*link)->next;
	*link = call->next;
	drop_request(call);
	strbuf_done(&call->reply);
	free(call->path);
	free(call);
}

static nghttp2_nv header(const char *name, const char *value)
{
	/* The library's structure has no const; it does not write to them. */
	return (nghttp2_nv){
		.name = (uint8_t *)name,
		.value = (uint8_t *)value,
		.namelen = strlen(name),
		.valuelen = strlen(value),
	};
}

/* Ends a call that cannot be answered: the client sees its stream reset. */
static void reset(struct grpc_call *call, uint32_t code)
{
	call->is_reset = true;
	(void)nghttp2_submit_rst_stream(call->conn->session, NGHTTP2_FLAG_NONE, call->stream_id,
					code);
	grpc_conn_wake(call->conn);
}

static void mark_answered(struct grpc_call *call)
{
	call->state = CALL_ANSWERED;
	call->answered_ms = clock_now_ms();
	drop_request(call);
}

static void submit_failure(struct grpc_call *call, const nghttp2_nv *headers, size_t n)
{
	mark_answered(call);
	if (nghttp2_submit_response(call->conn->session, call->stream_id, headers, n, NULL) < 0)
		reset(call, NGHTTP2_INTERNAL_ERROR);
	grpc_conn_wake(call->conn);
}

void grpc_call_fail_http(struct grpc_call *call, const char *http_status)
{
	nghttp2_nv headers[] = { header(":status", http_status) };

	if (call->state == CALL_RECEIVING)
		submit_failure(call, headers, 1);
}

void grpc_call_fail(struct grpc_call *call, enum grpc_code code, const char *fmt, ...)
{
	auto_strbuf struct strbuf text = { 0 };
	auto_strbuf struct strbuf message = { 0 };
	char status[4];
	va_list args;

	if (call->state != CALL_RECEIVING && call->state != CALL_WAITING)
		return;
	va_start(args, fmt);
	(void)strbuf_vaddf(&text, fmt, args);
	va_end(args);
	grpc_text_encode(strbuf_str(&text), &message);
	(void)snprintf(status, sizeof(status), "%d", (int)code & 0x1f);
	{
		nghttp2_nv headers[] = {
			header(":status", "200"),
			header("content-type", "application/grpc"),
			header("grpc-status", status),
			header("grpc-message", strbuf_str(&message)),
		};

		submit_failure(call, headers, sizeof(headers) / sizeof(headers[0]));
	}
}

/* The session asks for the reply's next bytes; behind the last come the trailers. */
static ssize_t read_reply(nghttp2_session *session, int32_t stream_id, uint8_t *buf, size_t len,
			  uint32_t *flags, nghttp2_data_source *source, void *arg)
{
	struct grpc_call *call = source->ptr;
	size_t left = call->reply.len - call->reply_at;
	nghttp2_nv trailers[] = { header("grpc-status", "0") };

	(void)arg;
	if (len > left)
		len = left;
	memcpy(buf, call->reply.data + call->reply_at, len);
	call->reply_at += len;
	if (call->reply_at < call->reply.len)
		return (ssize_t)len;
	*flags |= NGHTTP2_DATA_FLAG_EOF | NGHTTP2_DATA_FLAG_NO_END_STREAM;
	if (nghttp2_submit_trailer(session, stream_id, trailers, 1) < 0)
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	return (ssize_t)len;
}

int grpc_call_reply(struct grpc_call *call, const void *message, size_t len)
{
	nghttp2_data_provider provider = { .source.ptr = call, .read_callback = read_reply };
	nghttp2_nv headers[] = {
		header(":status", "200"),
		header("content-type", "application/grpc"),
	};
	int ret;

	if (call->state != CALL_WAITING)
		return -EALREADY;
	call->reply.max = len + GRPC_PREFIX_LEN;
	ret = grpc_message_encode(message, len, &call->reply);
	if (ret < 0) {
		strbuf_done(&call->reply);
		return ret;
	}
	if (nghttp2_submit_response(call->conn->session, call->stream_id, headers, 2, &provider) <
	    0) {
		strbuf_done(&call->reply);
		return -ENOMEM;
	}
	mark_answered(call);
	grpc_conn_wake(call->conn);
	return 0;
}

void grpc_call_closed(struct grpc_call *call)
{
	if (call->end_sent && call->handed) {
		call->state = CALL_SENT;
		call->sent_at = call->conn->queued;
		call->sent_ms = clock_now_ms();
		strbuf_done(&call->reply);
		return;
	}
	grpc_call_end(call, GRPC_END_CANCELLED);
	grpc_call_free(call);
}

/* A callback may end or answer other calls, never free one: only the connection's own rounds do,
 * and `next` is read after it. */
void grpc_call_settle(struct grpc_conn *conn, uint64_t up_to, enum grpc_outcome outcome)
{
	struct grpc_call *call = conn->calls;

	while (call) {
		struct grpc_call *next;

		if (call->state == CALL_SENT && call->sent_at <= up_to) {
			grpc_call_end(call, outcome);
			next = call->next;
			grpc_call_free(call);
		} else {
			next = call->next;
		}
		call = next;
	}
}

static int64_t earlier(int64_t a_ms, int64_t b_ms)
{
	return a_ms < b_ms ? a_ms : b_ms;
}

/* When patience with a call that is not sent yet ends. */
static int64_t due_ms(const struct grpc_call *call)
{
	int64_t stall_ms = call->conn->server->config.stall_ms;
	int64_t deadline_ms = call->deadline_ms ? call->deadline_ms : INT64_MAX;

	if (call->is_reset)
		return INT64_MAX;
	if (call->state == CALL_RECEIVING)
		return earlier(deadline_ms, call->begun_ms + stall_ms);
	if (call->state == CALL_ANSWERED)
		return earlier(deadline_ms, call->answered_ms + stall_ms);
	return deadline_ms;
}

static void expire(struct grpc_call *call)
{
	if (call->state == CALL_ANSWERED) {
		reset(call, NGHTTP2_CANCEL);
		return;
	}
	call->deadline_ms = 0;
	grpc_call_end(call, GRPC_END_EXPIRED);
	grpc_call_fail(call, GRPC_DEADLINE_EXCEEDED, "the call's time is over");
}

void grpc_call_prove(struct grpc_conn *conn)
{
	const struct grpc_call *call = conn->calls;

	while (call && call->state != CALL_SENT)
		call = call->next;
	if (call && grpc_conn_is_read(conn))
		grpc_call_settle(conn, conn->written, GRPC_END_DELIVERED);
}

/* When to look again whether the answer was read: soon, then at growing distances. */
static int64_t next_look_ms(const struct grpc_call *call, int64_t now_ms)
{
	int64_t step_ms = PROOF_MS;

	while (call->sent_ms + step_ms <= now_ms)
		step_ms *= 2;
	return earlier(call->sent_ms + step_ms,
		       call->sent_ms + call->conn->server->config.stall_ms);
}

int64_t grpc_call_check_times(struct grpc_conn *conn, int64_t now_ms)
{
	int64_t soonest_ms = INT64_MAX;
	uint64_t lost_to = 0;

	grpc_call_prove(conn);
	for (struct grpc_call *call = conn->calls; call; call = call->next) {
		int64_t at_ms;

		if (call->state != CALL_SENT && due_ms(call) <= now_ms)
			expire(call);
		at_ms = call->state == CALL_SENT ? next_look_ms(call, now_ms) : due_ms(call);
		if (at_ms > now_ms)
			soonest_ms = earlier(soonest_ms, at_ms);
		else if (call->state == CALL_SENT && call->sent_at > lost_to)
			lost_to = call->sent_at;
	}
	grpc_call_settle(conn, lost_to, GRPC_END_LOST);
	return soonest_ms;
}

void grpc_call_set_data(struct grpc_call *call, void *data)
{
	call->data = data;
}

void *grpc_call_data(const struct grpc_call *call)
{
	return call->data;
}

void grpc_call_peer(const struct grpc_call *call, pid_t *pid, uid_t *uid)
{
	*pid = call->conn->pid;
	*uid = call->conn->uid;
}

const char *grpc_call_path(const struct grpc_call *call)
{
	return call->method->path;
}
