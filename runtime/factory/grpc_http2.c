#include "runtime/factory/grpc_internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

enum { HEADERS_MAX = 8192, FIELD_OVERHEAD = 32 };

static struct grpc_call *call_of(nghttp2_session *session, int32_t stream_id)
{
	return nghttp2_session_get_stream_user_data(session, stream_id);
}

static uint32_t count_calls(const struct grpc_conn *conn)
{
	uint32_t n = 0;

	for (const struct grpc_call *call = conn->calls; call; call = call->next)
		n++;
	return n;
}

static bool is_request(const nghttp2_frame *frame)
{
	return frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST;
}

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
	struct grpc_conn *conn = arg;
	struct grpc_call *call = NULL;

	if (!is_request(frame))
		return 0;
	/* Calls that are closed but not proved to be read count here, not in HTTP/2's limit. */
	if (count_calls(conn) < 2 * conn->server->config.max_calls)
		call = grpc_call_new(conn, frame->hd.stream_id);
	if (!call)
		return nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, frame->hd.stream_id,
						 NGHTTP2_REFUSED_STREAM);
	if (nghttp2_session_set_stream_user_data(session, frame->hd.stream_id, call) < 0) {
		grpc_call_free(call);
		return NGHTTP2_ERR_CALLBACK_FAILURE;
	}
	return 0;
}

static int take_path(struct grpc_call *call, const char *value, size_t len)
{
	call->path = strndup(value, len);
	return call->path ? 0 : NGHTTP2_ERR_CALLBACK_FAILURE;
}

static int take_method(struct grpc_call *call, const char *value, size_t len)
{
	call->is_post = len == 4 && memcmp(value, "POST", 4) == 0;
	return 0;
}

/* "application/grpc", alone or before "+proto" and ";parameters". */
static int take_content_type(struct grpc_call *call, const char *value, size_t len)
{
	static const char type[] = "application/grpc";
	size_t n = sizeof(type) - 1;

	call->is_grpc = len >= n && memcmp(value, type, n) == 0 &&
			(len == n || value[n] == ';' ||
			 (len - n >= 6 && memcmp(value + n, "+proto", 6) == 0 &&
			  (len - n == 6 || value[n + 6] == ';')));
	return 0;
}

static int take_timeout(struct grpc_call *call, const char *value, size_t len)
{
	int64_t timeout_ms;

	call->bad_timeout = grpc_timeout_parse(value, len, &timeout_ms) < 0;
	if (!call->bad_timeout)
		call->deadline_ms = call->begun_ms + timeout_ms;
	return 0;
}

static const struct {
	const char *name;
	int (*take)(struct grpc_call *call, const char *value, size_t len);
} fields[] = {
	{ ":path", take_path },
	{ ":method", take_method },
	{ "content-type", take_content_type },
	{ "grpc-timeout", take_timeout },
};

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
		     size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags,
		     void *arg)
{
	struct grpc_call *call = call_of(session, frame->hd.stream_id);

	(void)flags;
	(void)arg;
	if (!call || !is_request(frame))
		return 0;
	call->header_bytes += name_len + value_len + FIELD_OVERHEAD;
	if (call->header_bytes > HEADERS_MAX)
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		if (strlen(fields[i].name) == name_len &&
		    memcmp(fields[i].name, name, name_len) == 0)
			return fields[i].take(call, (const char *)value, value_len);
	return 0;
}

static void check_request(struct grpc_call *call)
{
	const struct grpc_server_config *config = &call->conn->server->config;

	if (!call->is_post) {
		grpc_call_fail_http(call, "405");
		return;
	}
	if (!call->is_grpc) {
		grpc_call_fail_http(call, "415");
		return;
	}
	for (size_t i = 0; i < config->n_methods && call->path; i++)
		if (strcmp(config->methods[i].path, call->path) == 0)
			call->method = &config->methods[i];
	if (!call->method)
		grpc_call_fail(call, GRPC_UNIMPLEMENTED, "unknown method '%s'",
			       call->path ? call->path : "");
	else if (call->bad_timeout)
		grpc_call_fail(call, GRPC_INTERNAL, "malformed grpc-timeout");
}

static void dispatch(struct grpc_call *call)
{
	const struct strbuf *message = &call->inbox.message;

	if (call->state != CALL_RECEIVING)
		return;
	if (!grpc_inbox_is_whole(&call->inbox)) {
		grpc_call_fail(call, GRPC_UNIMPLEMENTED,
			       "the request has no whole message: each call takes exactly one");
		return;
	}
	call->state = CALL_WAITING;
	call->handed = true;
	/* The answer drops the request, and the handler may answer before it has read it. */
	{
		auto_strbuf struct strbuf kept = *message;

		call->conn->server->buffered -= kept.len;
		call->inbox.message = (struct strbuf){ 0 };
		call->method->fn(call->conn->server->config.arg, call, strbuf_str(&kept), kept.len);
	}
}

/* The client gave a stream up that we are done with, so that nothing else will tell. */
static void take_late_reset(struct grpc_conn *conn, const nghttp2_frame *frame)
{
	struct grpc_call *call = conn->calls;

	while (call && (call->stream_id != frame->hd.stream_id || call->state != CALL_SENT))
		call = call->next;
	if (!call || frame->rst_stream.error_code == NGHTTP2_NO_ERROR)
		return;
	grpc_call_end(call, GRPC_END_CANCELLED);
	grpc_call_free(call);
}

static int on_frame_recv(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
	struct grpc_conn *conn = arg;
	struct grpc_call *call;

	switch (frame->hd.type) {
	case NGHTTP2_SETTINGS:
		conn->greeted = true;
		return 0;
	case NGHTTP2_RST_STREAM:
		take_late_reset(conn, frame);
		return 0;
	case NGHTTP2_HEADERS:
	case NGHTTP2_DATA:
		break;
	default:
		return 0;
	}
	call = call_of(session, frame->hd.stream_id);
	if (!call)
		return 0;
	if (is_request(frame))
		check_request(call);
	if (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) {
		call->request_done = true;
		dispatch(call);
	}
	return 0;
}

static int on_data_chunk(nghttp2_session *session, uint8_t flags, int32_t stream_id,
			 const uint8_t *data, size_t len, void *arg)
{
	struct grpc_conn *conn = arg;
	struct grpc_server *server = conn->server;
	struct grpc_call *call = call_of(session, stream_id);
	size_t before;
	int ret;

	(void)flags;
	if (!call || call->state != CALL_RECEIVING)
		return 0;
	if (len > server->config.max_buffered - server->buffered) {
		grpc_call_fail(call, GRPC_RESOURCE_EXHAUSTED, "too many requests at once");
		return 0;
	}
	before = call->inbox.message.len;
	ret = grpc_inbox_add(&call->inbox, data, len);
	server->buffered += call->inbox.message.len - before;
	if (ret == -EOPNOTSUPP)
		grpc_call_fail(call, GRPC_UNIMPLEMENTED, "compressed messages are not supported");
	else if (ret == -EMSGSIZE)
		grpc_call_fail(call, GRPC_RESOURCE_EXHAUSTED,
			       "a message of %u bytes, at most %zu are taken",
			       (unsigned int)call->inbox.expected, server->config.max_message);
	else if (ret == -EBADMSG)
		grpc_call_fail(call, GRPC_UNIMPLEMENTED,
			       "bytes behind the message: each call takes exactly one");
	else if (ret < 0)
		grpc_call_fail(call, GRPC_RESOURCE_EXHAUSTED, "out of memory");
	return 0;
}

static int on_frame_send(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
	struct grpc_call *call;

	(void)arg;
	if (frame->hd.type != NGHTTP2_HEADERS || !(frame->hd.flags & NGHTTP2_FLAG_END_STREAM))
		return 0;
	call = call_of(session, frame->hd.stream_id);
	if (!call)
		return 0;
	call->end_sent = true;
	/* The client may stop sending: nobody reads on. */
	if (!call->request_done)
		return nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, frame->hd.stream_id,
						 NGHTTP2_NO_ERROR);
	return 0;
}

static int on_stream_close(nghttp2_session *session, int32_t stream_id, uint32_t error, void *arg)
{
	struct grpc_call *call = call_of(session, stream_id);

	(void)error;
	(void)arg;
	if (call)
		grpc_call_closed(call);
	return 0;
}

void grpc_http2_set_callbacks(nghttp2_session_callbacks *callbacks)
{
	nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin_headers);
	nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
	nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame_recv);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data_chunk);
	nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, on_frame_send);
	nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
}
