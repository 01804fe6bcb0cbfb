#include "runtime/factory/grpc_server.h"

#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/sock.h"
#include "runtime/factory/grpc_internal.h"

enum {
	DEFAULT_MESSAGE_MAX = 4 << 20,
	DEFAULT_CALLS_MAX = 100,
	DEFAULT_CONNECTIONS_MAX = 64,
	DEFAULT_STALL_MS = 30000,
	RETRY_MS = 100,
	ACKS_MAX = 100, /* answers to pings and settings that may wait to be sent */
};

static void set_defaults(struct grpc_server_config *config)
{
	if (!config->max_message)
		config->max_message = DEFAULT_MESSAGE_MAX;
	if (!config->max_buffered)
		config->max_buffered = 4 * config->max_message;
	if (!config->max_calls)
		config->max_calls = DEFAULT_CALLS_MAX;
	if (!config->max_connections)
		config->max_connections = DEFAULT_CONNECTIONS_MAX;
	if (!config->stall_ms)
		config->stall_ms = DEFAULT_STALL_MS;
}

struct grpc_server *grpc_server_new(struct loop *loop, const struct grpc_server_config *config,
				    struct error *err)
{
	struct grpc_server *server = calloc(1, sizeof(*server));

	if (!server) {
		(void)err_set(err, -ENOMEM, "make a gRPC server");
		return NULL;
	}
	server->loop = loop;
	server->listen_fd = -1;
	server->config = *config;
	set_defaults(&server->config);
	if (nghttp2_session_callbacks_new(&server->callbacks) < 0 ||
	    nghttp2_option_new(&server->option) < 0) {
		grpc_server_free(server);
		(void)err_set(err, -ENOMEM, "make a gRPC server");
		return NULL;
	}
	nghttp2_option_set_no_closed_streams(server->option, 1);
	nghttp2_option_set_max_outbound_ack(server->option, ACKS_MAX);
	grpc_http2_set_callbacks(server->callbacks);
	return server;
}

static void stop_listening(struct grpc_server *server)
{
	if (server->listen_fd < 0)
		return;
	loop_remove_fd(server->loop, server->listen_fd);
	loop_remove_timer(server->loop, server->retry);
	server->retry = 0;
	cleanup_close(&server->listen_fd);
}

void grpc_server_free(struct grpc_server *server)
{
	if (!server)
		return;
	stop_listening(server);
	server->draining = false;
	while (server->conns)
		grpc_conn_free(server->conns, GRPC_END_LOST);
	nghttp2_option_del(server->option);
	nghttp2_session_callbacks_del(server->callbacks);
	free(server);
}

/* The connection without calls that was silent for longest. One that has not begun to speak is not
 * idle: its first call may be on its way. */
static struct grpc_conn *find_idle(struct grpc_server *server)
{
	struct grpc_conn *found = NULL;

	for (struct grpc_conn *conn = server->conns; conn; conn = conn->next)
		if (conn->greeted && !conn->calls && (!found || conn->used_ms <= found->used_ms))
			found = conn;
	return found;
}

static void set_pause(struct grpc_server *server, bool pause)
{
	if (server->listen_fd >= 0 && pause != server->paused &&
	    loop_set_events(server->loop, server->listen_fd, pause ? 0 : EPOLLIN) == 0)
		server->paused = pause;
}

static bool is_full(struct grpc_server *server)
{
	return server->n_conns >= server->config.max_connections && !find_idle(server);
}

void grpc_server_review(struct grpc_server *server)
{
	if (server->paused && !server->retry && !is_full(server))
		set_pause(server, false);
}

static void on_retry(void *arg)
{
	struct grpc_server *server = arg;

	server->retry = 0;
	grpc_server_review(server);
}

/* For lack of descriptors, say: the client waits in the backlog, and the loop must not spin. */
static void retry_later(struct grpc_server *server)
{
	int id = loop_add_timer(server->loop, RETRY_MS, on_retry, server);

	if (id < 0)
		return;
	server->retry = id;
	set_pause(server, true);
}

static void on_listen(void *arg, int listen_fd, uint32_t events)
{
	struct grpc_server *server = arg;
	struct error err = { 0 };
	int fd;

	(void)events;
	if (is_full(server)) {
		set_pause(server, true);
		return;
	}
	fd = sock_accept(listen_fd, true);
	if (fd < 0) {
		if (fd != -EAGAIN && fd != -ECONNABORTED)
			retry_later(server);
		return;
	}
	if (server->n_conns >= server->config.max_connections)
		grpc_conn_free(find_idle(server), GRPC_END_LOST);
	if (grpc_conn_new(server, fd, &err) < 0)
		log_debug("turned a client away: %s", err.text);
}

int grpc_server_listen(struct grpc_server *server, int listen_fd, struct error *err)
{
	auto_close int fd = listen_fd;
	int ret;

	if (server->listen_fd >= 0)
		return err_set(err, -EALREADY, "listen on a second socket");
	ret = sock_set_nonblock(fd, true);
	if (ret == 0)
		ret = loop_add_fd(server->loop, fd, EPOLLIN, on_listen, server);
	if (ret < 0)
		return err_set(err, ret, "listen for clients");
	server->listen_fd = take_fd(&fd);
	return 0;
}

int grpc_server_add(struct grpc_server *server, int fd, struct error *err)
{
	return grpc_conn_new(server, fd, err);
}

void grpc_server_lost_one(struct grpc_server *server)
{
	server->n_conns--;
	if (server->draining && server->n_conns == 0)
		server->drained(server->drained_arg);
}

void grpc_server_drain(struct grpc_server *server, grpc_drained_fn *drained, void *arg)
{
	if (server->draining)
		return;
	stop_listening(server);
	server->draining = true;
	server->drained = drained;
	server->drained_arg = arg;
	for (struct grpc_conn *conn = server->conns; conn; conn = conn->next) {
		/* Failing for lack of memory, it is closed by the time limit of whoever drains. */
		(void)nghttp2_submit_goaway(conn->session, NGHTTP2_FLAG_NONE,
					    nghttp2_session_get_last_proc_stream_id(conn->session),
					    NGHTTP2_NO_ERROR, NULL, 0);
		grpc_conn_wake(conn);
	}
	if (server->n_conns == 0)
		drained(arg);
}
