#include "runtime/factory/grpc_client.h"

#include <fcntl.h>
#include <nghttp2/nghttp2.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/sock.h"

enum {
	READ_MAX = 16384,
	OUT_MAX = 65536,
	DEFAULT_MESSAGE_MAX = 4 << 20,
	WINDOW = 1 << 20,
	HEADERS_MAX = 16384,
	FIELD_OVERHEAD = 32,
	TEXT_MAX = 3 * GRPC_TEXT_MAX,
	DRAIN_ROUNDS = 64,
};

struct grpc_client {
	int fd;
	nghttp2_session *session;
	struct strbuf out;
	bool dead; /* no more calls */
	enum grpc_code status;

	/* the call that is being made */
	bool pipe_broken; /* the server reads no more; its answer may still be there to be read */
	int64_t end_ms;	  /* < 0: none */
	int32_t stream_id;
	struct strbuf request; /* with its prefix */
	size_t request_at;
	struct grpc_inbox inbox;
	int inbox_error;
	size_t header_bytes;
	bool is_http_ok;
	bool is_grpc;
	bool has_status;
	struct strbuf http_status;
	struct strbuf text;
	bool closed; /* the stream is */
	uint32_t close_error;
};

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name_,
		     size_t name_len, const uint8_t *value_, size_t value_len, uint8_t flags,
		     void *arg)
{
	static const char type[] = "application/grpc";
	struct grpc_client *client = arg;
	const char *name = (const char *)name_;
	const char *value = (const char *)value_;

	(void)session;
	(void)flags;
	if (frame->hd.stream_id != client->stream_id)
		return 0;
	client->header_bytes += name_len + value_len + FIELD_OVERHEAD;
	if (client->header_bytes > HEADERS_MAX)
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	/* nghttp2 gives names with a NUL behind them. */
	if (strcmp(name, ":status") == 0) {
		client->is_http_ok = strcmp(value, "200") == 0;
		strbuf_clear(&client->http_status);
		(void)strbuf_add(&client->http_status, value, value_len);
	} else if (strcmp(name, "content-type") == 0) {
		client->is_grpc = strncmp(value, type, sizeof(type) - 1) == 0;
	} else if (strcmp(name, "grpc-status") == 0) {
		client->has_status = true;
		client->status = grpc_code_parse(value, value_len);
	} else if (strcmp(name, "grpc-message") == 0) {
		strbuf_clear(&client->text);
		grpc_text_decode(value, value_len, &client->text);
	}
	return 0;
}

static int on_data_chunk(nghttp2_session *session, uint8_t flags, int32_t stream_id,
			 const uint8_t *data, size_t len, void *arg)
{
	struct grpc_client *client = arg;

	(void)flags;
	if (stream_id != client->stream_id || client->inbox_error)
		return 0;
	client->inbox_error = grpc_inbox_add(&client->inbox, data, len);
	if (!client->inbox_error)
		return 0;
	return nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, stream_id, NGHTTP2_CANCEL);
}

static int on_stream_close(nghttp2_session *session, int32_t stream_id, uint32_t error, void *arg)
{
	struct grpc_client *client = arg;

	(void)session;
	if (stream_id == client->stream_id) {
		client->closed = true;
		client->close_error = error;
	}
	return 0;
}

static int open_session(struct grpc_client *client)
{
	nghttp2_settings_entry settings[] = {
		{ NGHTTP2_SETTINGS_ENABLE_PUSH, 0 },
		{ NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 0 },
		{ NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, WINDOW },
		{ NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, HEADERS_MAX },
	};
	nghttp2_session_callbacks *callbacks = NULL;
	int ret = nghttp2_session_callbacks_new(&callbacks);

	if (ret < 0)
		return -ENOMEM;
	nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data_chunk);
	nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
	ret = nghttp2_session_client_new(&client->session, callbacks, client);
	nghttp2_session_callbacks_del(callbacks);
	if (ret < 0 ||
	    nghttp2_submit_settings(client->session, NGHTTP2_FLAG_NONE, settings,
				    sizeof(settings) / sizeof(settings[0])) < 0 ||
	    nghttp2_session_set_local_window_size(client->session, NGHTTP2_FLAG_NONE, 0, WINDOW) <
		    0)
		return -ENOMEM;
	return 0;
}

struct grpc_client *grpc_client_new(int fd, struct error *err)
{
	auto_close int owned = fd;
	struct grpc_client *client = calloc(1, sizeof(*client));

	if (!client || open_session(client) < 0) {
		if (client)
			nghttp2_session_del(client->session);
		free(client);
		(void)err_set(err, -ENOMEM, "make an HTTP/2 session");
		return NULL;
	}
	client->fd = take_fd(&owned);
	client->stream_id = -1;
	return client;
}

struct grpc_client *grpc_client_open(const char *path, struct error *err)
{
	int fd = sock_connect_at(AT_FDCWD, path);

	if (fd < 0) {
		(void)err_set(err, fd, "connect to '%s'", path);
		return NULL;
	}
	return grpc_client_new(fd, err);
}

static void done_call(struct grpc_client *client)
{
	strbuf_done(&client->request);
	grpc_inbox_done(&client->inbox);
	strbuf_done(&client->http_status);
	strbuf_done(&client->text);
}

void grpc_client_free(struct grpc_client *client)
{
	char buf[READ_MAX];

	if (!client)
		return;
	/* What nobody has read when the socket is closed is an error for the server, which might
	 * take it for the answer. */
	for (int i = 0; i < DRAIN_ROUNDS; i++)
		if (recv(client->fd, buf, sizeof(buf), MSG_DONTWAIT) <= 0)
			break;
	(void)close(client->fd);
	nghttp2_session_del(client->session);
	strbuf_done(&client->out);
	done_call(client);
	free(client);
}

enum grpc_code grpc_client_status(const struct grpc_client *client)
{
	return client->status;
}

static ssize_t read_request(nghttp2_session *session, int32_t stream_id, uint8_t *buf, size_t len,
			    uint32_t *flags, nghttp2_data_source *source, void *arg)
{
	struct grpc_client *client = arg;
	size_t left = client->request.len - client->request_at;

	(void)session;
	(void)stream_id;
	(void)source;
	if (len > left)
		len = left;
	memcpy(buf, client->request.data + client->request_at, len);
	client->request_at += len;
	if (client->request_at == client->request.len)
		*flags |= NGHTTP2_DATA_FLAG_EOF;
	return (ssize_t)len;
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

static int submit(struct grpc_client *client, const char *method, int64_t timeout_ms)
{
	nghttp2_data_provider provider = { .read_callback = read_request };
	char timeout[GRPC_TIMEOUT_TEXT_LEN] = "";
	nghttp2_nv headers[] = {
		header(":method", "POST"),	 header(":scheme", "http"),
		header(":path", method),	 header(":authority", "localhost"),
		header("te", "trailers"),	 header("content-type", "application/grpc"),
		header("grpc-timeout", timeout),
	};
	size_t n = sizeof(headers) / sizeof(headers[0]);
	int32_t id;

	grpc_timeout_format(timeout_ms, timeout);
	headers[n - 1].valuelen = strlen(timeout);
	if (timeout_ms < 0)
		n--;
	id = nghttp2_submit_request(client->session, NULL, headers, n, &provider, NULL);
	if (id < 0)
		return id == NGHTTP2_ERR_NOMEM ? -ENOMEM : -ENOTCONN;
	client->stream_id = id;
	return 0;
}

/* Sends what goes without waiting. */
static int send_some(struct grpc_client *client)
{
	for (;;) {
		const uint8_t *data;
		ssize_t n = 0;

		while (client->out.len < OUT_MAX &&
		       (n = nghttp2_session_mem_send(client->session, &data)) > 0)
			if (strbuf_add(&client->out, data, (size_t)n) < 0)
				return -ENOMEM;
		if (n < 0)
			return -EPROTO;
		if (client->out.len == 0)
			return 0;
		n = send(client->fd, client->out.data, client->out.len,
			 MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && errno == EAGAIN)
			return 0;
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0)
			strbuf_consume(&client->out, (size_t)n);
	}
}

/* 1 when something came, 0 when there is nothing yet. */
static int receive_some(struct grpc_client *client)
{
	uint8_t buf[READ_MAX];
	ssize_t n = recv(client->fd, buf, sizeof(buf), MSG_DONTWAIT);

	if (n == 0)
		return -ECONNRESET;
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	return nghttp2_session_mem_recv(client->session, buf, (size_t)n) < 0 ? -EPROTO : 1;
}

static int move_bytes(struct grpc_client *client)
{
	int ret = client->pipe_broken ? 0 : send_some(client);

	if (ret == -EPIPE) {
		client->pipe_broken = true;
		strbuf_clear(&client->out);
		ret = 0;
	}
	return ret < 0 ? ret : receive_some(client);
}

int grpc_client_advance(struct grpc_client *client)
{
	int ret = move_bytes(client);

	/* What came may call for an answer. */
	if (ret > 0)
		ret = move_bytes(client);
	if (client->closed)
		return 1;
	if (ret < 0)
		return ret;
	if (!nghttp2_session_want_read(client->session))
		return -EPROTO;
	if (client->end_ms >= 0 && clock_now_ms() >= client->end_ms)
		return -ETIMEDOUT;
	return 0;
}

int grpc_client_wait(struct grpc_client *client)
{
	struct pollfd pfd = { .fd = client->fd, .events = POLLIN };
	int64_t left_ms = -1;
	int ret;

	if (client->end_ms >= 0) {
		left_ms = client->end_ms - clock_now_ms();
		left_ms = left_ms < 0 ? 0 : left_ms > INT32_MAX ? INT32_MAX : left_ms;
	}
	if (client->out.len > 0)
		pfd.events |= POLLOUT;
	ret = poll(&pfd, 1, (int)left_ms);
	return ret < 0 && errno != EINTR ? -errno : 0;
}

static int fail(struct grpc_client *client, enum grpc_code code, int ret)
{
	client->status = code;
	client->dead = true;
	return ret;
}

static int explain_lost(struct grpc_client *client, int ret, struct error *err)
{
	if (ret == -ETIMEDOUT)
		return fail(client, GRPC_DEADLINE_EXCEEDED,
			    err_msg(err, ret, "no answer within the time given"));
	if (ret == -ECONNRESET)
		return fail(client, GRPC_UNAVAILABLE,
			    err_msg(err, ret,
				    "the server closed the connection without an answer"));
	if (ret == -EPROTO)
		return fail(client, GRPC_INTERNAL,
			    err_msg(err, ret, "the other side does not speak HTTP/2 as it should"));
	return fail(client, GRPC_UNAVAILABLE, err_set(err, ret, "wait for the answer"));
}

/* The stream is closed: what was said on it? */
static int judge(struct grpc_client *client, struct error *err)
{
	if (client->inbox_error == -EMSGSIZE)
		return fail(client, GRPC_RESOURCE_EXHAUSTED,
			    err_set(err, -EMSGSIZE, "a reply of %u bytes, at most %zu are taken",
				    (unsigned int)client->inbox.expected, client->inbox.max));
	if (client->inbox_error)
		return fail(client, GRPC_INTERNAL,
			    err_set(err, client->inbox_error, "read the reply's message"));
	if (!client->has_status && client->http_status.len > 0 &&
	    (!client->is_http_ok || !client->is_grpc))
		return fail(client, GRPC_INTERNAL,
			    err_msg(err, -EPROTO, "the answer is no gRPC (HTTP status %.8s)",
				    strbuf_str(&client->http_status)));
	if (!client->has_status)
		return fail(client, GRPC_UNAVAILABLE,
			    err_msg(err, -ECONNRESET, "the server gave the call up (HTTP/2: %s)",
				    nghttp2_http2_strerror(client->close_error)));
	if (client->status != GRPC_OK)
		return err_msg(err, grpc_code_errno((int)client->status), "%s (%s)",
			       client->text.len ? strbuf_str(&client->text) : "no reason given",
			       grpc_code_name((int)client->status));
	if (!grpc_inbox_is_whole(&client->inbox))
		return fail(client, GRPC_INTERNAL,
			    err_msg(err, -EPROTO, "the reply has no whole message"));
	return 0;
}

static void reset_call(struct grpc_client *client, int64_t timeout_ms)
{
	done_call(client);
	client->end_ms = timeout_ms < 0 ? -1 : clock_now_ms() + timeout_ms;
	client->request_at = 0;
	client->inbox = (struct grpc_inbox){ .max = DEFAULT_MESSAGE_MAX };
	client->inbox_error = 0;
	client->header_bytes = 0;
	client->is_http_ok = false;
	client->is_grpc = false;
	client->has_status = false;
	client->closed = false;
	client->close_error = 0;
	client->status = GRPC_UNAVAILABLE;
	client->text.max = TEXT_MAX;
}

int grpc_client_start(struct grpc_client *client, const char *method, const void *request,
		      size_t len, int64_t timeout_ms, struct error *err)
{
	int ret;

	if (client->dead || !nghttp2_session_check_request_allowed(client->session))
		return err_msg(err, -ENOTCONN, "call '%s': the connection is used up", method);
	reset_call(client, timeout_ms);
	ret = grpc_message_encode(request, len, &client->request);
	if (ret == 0)
		ret = submit(client, method, timeout_ms);
	if (ret < 0)
		return fail(client, GRPC_UNAVAILABLE, err_set(err, ret, "call '%s'", method));
	return 0;
}

int grpc_client_finish(struct grpc_client *client, int result, struct strbuf *reply,
		       struct error *err)
{
	int ret = result < 0 ? explain_lost(client, result, err) : judge(client, err);

	if (ret < 0)
		return ret;
	ret = strbuf_add(reply, client->inbox.message.data, client->inbox.message.len);
	return ret < 0 ? err_set(err, ret, "keep the reply") : 0;
}

int grpc_client_call(struct grpc_client *client, const char *method, const void *request,
		     size_t len, int64_t timeout_ms, struct strbuf *reply, struct error *err)
{
	int ret;

	ret = grpc_client_start(client, method, request, len, timeout_ms, err);
	if (ret < 0)
		return ret;
	if (reply->max)
		client->inbox.max = reply->max - reply->len;
	while ((ret = grpc_client_advance(client)) == 0)
		if ((ret = grpc_client_wait(client)) < 0)
			break;
	ret = grpc_client_finish(client, ret, reply, err);
	if (ret < 0)
		(void)err_ctx(err, "call '%s'", method);
	return ret;
}

int grpc_client_call_once(const char *path, const char *method, const void *request, size_t len,
			  int64_t timeout_ms, struct strbuf *reply, struct error *err)
{
	struct grpc_client *client = grpc_client_open(path, err);
	int ret;

	if (!client)
		return err ? err->code : -ECONNREFUSED;
	ret = grpc_client_call(client, method, request, len, timeout_ms, reply, err);
	grpc_client_free(client);
	if (ret < 0)
		(void)err_ctx(err, "'%s'", path);
	return ret;
}
