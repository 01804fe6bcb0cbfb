/* What the server's files share: grpc_server.c accepts and ends, grpc_conn.c moves a connection's
 * bytes, grpc_http2.c takes what they say, grpc_call.c has the calls' answers and ends. */
#ifndef RUNTIME_FACTORY_GRPC_INTERNAL_H
#define RUNTIME_FACTORY_GRPC_INTERNAL_H

#include <nghttp2/nghttp2.h>
#include "runtime/factory/grpc_server.h"

enum call_state {
	CALL_RECEIVING, /* the request is coming in */
	CALL_WAITING,	/* for its answer */
	CALL_ANSWERED,	/* the answer is with the session */
	CALL_SENT,	/* with the kernel, or about to be: has the client read it? */
};

struct grpc_call {
	struct grpc_call *next; /* of the same connection */
	struct grpc_conn *conn;
	int32_t stream_id;
	enum call_state state;
	bool handed;	   /* a handler got it: it is owed an end */
	bool request_done; /* the client's side of the stream has ended */
	bool end_sent;	   /* so has ours */

	/* request */
	const struct grpc_method *method;
	char *path;
	size_t header_bytes;
	bool is_post;
	bool is_grpc; /* by content-type */
	bool bad_timeout;
	struct grpc_inbox inbox;
	int64_t begun_ms;
	int64_t deadline_ms; /* 0: none */

	/* answer */
	struct strbuf reply; /* with its prefix */
	size_t reply_at;     /* how much of it the session has */
	int64_t answered_ms;
	bool is_reset;	  /* by us: only its end is awaited */
	uint64_t sent_at; /* conn->queued when the answer's last byte was in it */
	int64_t sent_ms;

	void *data;
};

struct grpc_conn {
	struct grpc_conn *next;
	struct grpc_server *server;
	int fd;
	pid_t pid;
	uid_t uid;
	nghttp2_session *session;
	struct grpc_call *calls;
	struct strbuf out; /* bytes for the socket */
	uint64_t queued;   /* bytes ever put into out */
	uint64_t written;  /* bytes ever taken by the kernel */
	bool greeted;	   /* the client's SETTINGS are there */
	bool pipe_broken;  /* nothing can be written any more */
	int64_t moved_ms;  /* when the kernel took the last byte, or the connection was made */
	int64_t used_ms;   /* when the last byte came */
	int timer;	   /* 0: none */
	int64_t timer_at_ms;
};

struct grpc_server {
	struct loop *loop;
	struct grpc_server_config config; /* defaults filled in */
	int listen_fd;
	bool paused; /* no accepting for now */
	int retry;   /* timer to accept again after a failure; 0: none */
	struct grpc_conn *conns;
	uint32_t n_conns;
	size_t buffered; /* bytes in the inboxes */
	nghttp2_session_callbacks *callbacks;
	nghttp2_option *option;
	bool draining;
	grpc_drained_fn *drained;
	void *drained_arg;
};

/* grpc_http2.c: fills server->callbacks. */
void grpc_http2_set_callbacks(nghttp2_session_callbacks *callbacks);

/* grpc_call.c */
struct grpc_call *grpc_call_new(struct grpc_conn *conn, int32_t stream_id);
/* Tells the handler's side, once; the call itself stays. */
void grpc_call_end(struct grpc_call *call, enum grpc_outcome outcome);
/* Unlinks and releases; whoever is owed an end has got it. */
void grpc_call_free(struct grpc_call *call);
/* Answers without a message in HTTP's own terms, for what is no gRPC. */
void grpc_call_fail_http(struct grpc_call *call, const char *http_status);
/* The stream is closed. */
void grpc_call_closed(struct grpc_call *call);
/* How an answered call went that waits for news from the client: all that were sent before offset
 * `up_to` of the connection's output. */
void grpc_call_settle(struct grpc_conn *conn, uint64_t up_to, enum grpc_outcome outcome);
/* Settles what was sent as delivered if the client has read it. */
void grpc_call_prove(struct grpc_conn *conn);
/* Does what is due for a connection's calls, and returns when to look again, or INT64_MAX. */
int64_t grpc_call_check_times(struct grpc_conn *conn, int64_t now_ms);

/* grpc_conn.c: takes the descriptor over, also on failure. */
int grpc_conn_new(struct grpc_server *server, int fd, struct error *err) must_check;
/* Closes it; its open calls get the outcome, those that were sent whole sent_outcome. */
void grpc_conn_free(struct grpc_conn *conn, enum grpc_outcome sent_outcome);
/* Has the loop send what the session holds, soon. */
void grpc_conn_wake(struct grpc_conn *conn);
/* The client has read every byte that was written. */
bool grpc_conn_is_read(const struct grpc_conn *conn);

/* grpc_server.c: a connection is gone. */
void grpc_server_lost_one(struct grpc_server *server);
/* Calls may have ended: goes on accepting if that waited for it. */
void grpc_server_review(struct grpc_server *server);

#endif
