#include "runtime/factory/grpc_internal.h"

#include <linux/sockios.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/sock.h"

enum {
	READ_MAX = 16384,
	READS_A_ROUND = 8,
	OUT_MAX = 65536, /* more is not taken from the session while the socket is full */
	WINDOW = 1 << 20,
	STREAM_WINDOW = 256 << 10,
	HEADER_LIST_MAX = 8192,
};

/* Nothing of what was written waits to be read. */
static bool is_queue_empty(const struct grpc_conn *conn)
{
	int unread = 1;

	return ioctl(conn->fd, SIOCOUTQ, &unread) == 0 && unread == 0;
}

bool grpc_conn_is_read(const struct grpc_conn *conn)
{
	struct pollfd pfd = { .fd = conn->fd };

	/* What a dead client had not read is gone from the count too: it has to be alive after
	 * counting. A dead one's case is told by read_some(). */
	return is_queue_empty(conn) && poll(&pfd, 1, 0) == 0;
}

void grpc_conn_free(struct grpc_conn *conn, enum grpc_outcome sent_outcome)
{
	struct grpc_server *server = conn->server;
	struct grpc_conn **link = &server->conns;

	loop_remove_fd(server->loop, conn->fd);
	loop_remove_timer(server->loop, conn->timer);
	grpc_call_settle(conn, conn->written, sent_outcome);
	while (conn->calls) {
		struct grpc_call *call = conn->calls;

		grpc_call_end(call, call->state == CALL_SENT ? GRPC_END_LOST : GRPC_END_CANCELLED);
		grpc_call_free(call);
	}
	while (*link != conn)
		link = &(*link)->next;
	*link = conn->next;
	nghttp2_session_del(conn->session);
	strbuf_done(&conn->out);
	(void)close(conn->fd);
	free(conn);
	grpc_server_lost_one(server);
}

/* Moves bytes from the session to `out` until there are enough. Negative: nghttp2's error. */
static int fill_out(struct grpc_conn *conn)
{
	while (conn->out.len < OUT_MAX) {
		const uint8_t *data;
		ssize_t n = nghttp2_session_mem_send(conn->session, &data);

		if (n <= 0)
			return (int)n;
		if (conn->out.len == 0)
			conn->moved_ms = clock_now_ms();
		conn->queued += (uint64_t)n;
		if (!conn->pipe_broken && strbuf_add(&conn->out, data, (size_t)n) < 0)
			return NGHTTP2_ERR_NOMEM;
	}
	return 0;
}

/* Sends until the session is empty or the socket full. Nobody reading any more is no error here:
 * reading will tell more about it. */
static int flush(struct grpc_conn *conn)
{
	for (;;) {
		ssize_t n;
		int ret = fill_out(conn);

		if (ret < 0)
			return ret;
		if (conn->out.len == 0)
			return 0;
		n = send(conn->fd, conn->out.data, conn->out.len, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return 0;
		if (n < 0 && errno != EPIPE)
			return -errno;
		if (n < 0) {
			conn->pipe_broken = true;
			strbuf_clear(&conn->out);
			continue;
		}
		conn->written += (uint64_t)n;
		conn->moved_ms = clock_now_ms();
		strbuf_consume(&conn->out, (size_t)n);
	}
}

enum read_result { READ_MORE, READ_CLOSED, READ_BROKEN };

static enum read_result read_some(struct grpc_conn *conn)
{
	uint8_t buf[READ_MAX];

	for (int i = 0; i < READS_A_ROUND; i++) {
		ssize_t n = recv(conn->fd, buf, sizeof(buf), MSG_DONTWAIT);

		if (n == 0)
			return READ_CLOSED;
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return READ_MORE;
		/* ECONNRESET: it closed without having read everything. */
		if (n < 0)
			return READ_BROKEN;
		conn->used_ms = clock_now_ms();
		/* Before anything else is sent: a client that closes without having read that would
		 * look like one that has not read its answer. */
		grpc_call_prove(conn);
		if (nghttp2_session_mem_recv(conn->session, buf, (size_t)n) < 0)
			return READ_BROKEN;
		if (flush(conn) < 0)
			return READ_BROKEN;
		/* Answers to what it sends pile up: it is to read first. */
		if (conn->out.len > 0)
			return READ_MORE;
	}
	return READ_MORE;
}

/* When to look at the connection even if nothing comes: INT64_MAX for never. */
static int64_t conn_due_ms(const struct grpc_conn *conn)
{
	if (!conn->greeted || conn->out.len > 0)
		return conn->moved_ms + conn->server->config.stall_ms;
	return INT64_MAX;
}

static void on_timer(void *arg);

/* A timer that rings too early does no harm, so that one is moved only when it would be late. */
static int arm_timer(struct grpc_conn *conn, int64_t at_ms, int64_t now_ms)
{
	int id;

	if (at_ms == INT64_MAX || (conn->timer > 0 && conn->timer_at_ms <= at_ms))
		return 0;
	loop_remove_timer(conn->server->loop, conn->timer);
	conn->timer = 0;
	id = loop_add_timer(conn->server->loop, at_ms - now_ms, on_timer, conn);
	if (id < 0)
		return id;
	conn->timer = id;
	conn->timer_at_ms = at_ms;
	return 0;
}

/* Both sides are done, or HTTP/2 was broken, which the client has been told. Answers that the
 * client may still be reading keep the connection. */
static bool is_finished(const struct grpc_conn *conn)
{
	for (const struct grpc_call *call = conn->calls; call; call = call->next)
		if (call->state == CALL_SENT)
			return false;
	return conn->out.len == 0 && !nghttp2_session_want_read(conn->session) &&
	       !nghttp2_session_want_write(conn->session);
}

/* Ends each of the loop's calls into a connection. The connection may be gone afterwards. */
static void settle_down(struct grpc_conn *conn)
{
	int64_t now_ms = clock_now_ms();
	int64_t at_ms = conn_due_ms(conn);
	int64_t calls_ms;
	uint32_t events;

	if (at_ms <= now_ms) {
		grpc_conn_free(conn, GRPC_END_LOST);
		return;
	}
	calls_ms = grpc_call_check_times(conn, now_ms);
	if (calls_ms < at_ms)
		at_ms = calls_ms;
	if (flush(conn) < 0) {
		grpc_conn_free(conn, GRPC_END_LOST);
		return;
	}
	if (is_finished(conn)) {
		grpc_conn_free(conn, GRPC_END_LOST);
		return;
	}
	if (conn_due_ms(conn) < at_ms)
		at_ms = conn_due_ms(conn);
	events = conn->out.len > 0 ? EPOLLOUT : EPOLLIN;
	if (arm_timer(conn, at_ms, now_ms) < 0 ||
	    loop_set_events(conn->server->loop, conn->fd, events) < 0)
		grpc_conn_free(conn, GRPC_END_LOST);
}

static void on_timer(void *arg)
{
	struct grpc_conn *conn = arg;

	struct grpc_server *server = conn->server;

	conn->timer = 0;
	settle_down(conn);
	grpc_server_review(server);
}

static void on_fd(void *arg, int fd, uint32_t events)
{
	struct grpc_conn *conn = arg;
	struct grpc_server *server = conn->server;
	enum read_result result = READ_MORE;

	(void)fd;
	grpc_call_prove(conn);
	if (flush(conn) < 0)
		result = READ_BROKEN;
	else if (conn->out.len == 0 && events & (EPOLLIN | EPOLLHUP | EPOLLERR))
		result = read_some(conn);
	if (result == READ_MORE)
		settle_down(conn);
	else if (result == READ_CLOSED && is_queue_empty(conn))
		grpc_conn_free(conn, GRPC_END_DELIVERED);
	else
		grpc_conn_free(conn, GRPC_END_LOST);
	grpc_server_review(server);
}

void grpc_conn_wake(struct grpc_conn *conn)
{
	/* Fails only for a connection that is being closed. */
	(void)!loop_set_events(conn->server->loop, conn->fd, EPOLLIN | EPOLLOUT);
}

static int open_session(struct grpc_conn *conn)
{
	const struct grpc_server *server = conn->server;
	nghttp2_settings_entry settings[] = {
		{ NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, server->config.max_calls },
		{ NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, STREAM_WINDOW },
		{ NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, HEADER_LIST_MAX },
	};

	if (nghttp2_session_server_new2(&conn->session, server->callbacks, conn, server->option) <
		    0 ||
	    nghttp2_submit_settings(conn->session, NGHTTP2_FLAG_NONE, settings,
				    sizeof(settings) / sizeof(settings[0])) < 0 ||
	    nghttp2_session_set_local_window_size(conn->session, NGHTTP2_FLAG_NONE, 0, WINDOW) < 0)
		return -ENOMEM;
	return 0;
}

static int check_peer(struct grpc_conn *conn, struct error *err)
{
	int ret = sock_peer(conn->fd, &conn->pid, &conn->uid);

	if (ret < 0)
		return err_set(err, ret, "identify the client");
	if (conn->uid != 0 && conn->uid != geteuid())
		return err_set(err, -EACCES, "client %d of user %u", (int)conn->pid,
			       (unsigned int)conn->uid);
	return 0;
}

static int start(struct grpc_conn *conn, struct error *err)
{
	int ret = check_peer(conn, err);

	if (ret < 0)
		return ret;
	ret = open_session(conn);
	if (ret < 0)
		return err_set(err, ret, "make an HTTP/2 session");
	ret = arm_timer(conn, conn_due_ms(conn), clock_now_ms());
	if (ret < 0)
		return err_set(err, ret, "set a timer for a client");
	ret = loop_add_fd(conn->server->loop, conn->fd, EPOLLIN | EPOLLOUT, on_fd, conn);
	if (ret < 0)
		return err_set(err, ret, "watch a client");
	return 0;
}

int grpc_conn_new(struct grpc_server *server, int fd, struct error *err)
{
	auto_close int owned = fd;
	struct grpc_conn *conn = calloc(1, sizeof(*conn));
	int ret;

	if (!conn)
		return err_set(err, -ENOMEM, "make a connection");
	conn->server = server;
	conn->fd = owned;
	conn->moved_ms = clock_now_ms();
	conn->used_ms = conn->moved_ms;
	ret = start(conn, err);
	if (ret < 0) {
		loop_remove_timer(server->loop, conn->timer);
		nghttp2_session_del(conn->session);
		free(conn);
		return ret;
	}
	(void)take_fd(&owned);
	conn->next = server->conns;
	server->conns = conn;
	server->n_conns++;
	return 0;
}
