/*
 * gRPC server for unary calls on Unix stream sockets: many connections, many calls a connection,
 * one thread, driven by the loop. Handlers may answer at once or at any later time.
 *
 * Life of a call: the method's handler gets it, whole, with its message. The handler, or anybody
 * later, answers once with grpc_call_reply() or grpc_call_fail(). In the end, and exactly once for
 * each call that a handler got, the server's `end` function tells how it went; the pointer is dead
 * afterwards. `end` may come before there was an answer (the client gave up, or its deadline
 * passed): whoever waits to answer must forget the call then.
 *
 * What is handed over to a client is to be taken as handed over when `end` says GRPC_END_DELIVERED:
 * the client's process has read the whole answer. At anything else it stays ours. A client can
 * still die between reading and using: grpc_call_peer() tells whose pid to watch for that.
 *
 * Handlers, `end` and `drained` may call everything here but grpc_server_free(), for their own call
 * and for others. Nothing here calls back from inside grpc_call_reply() and grpc_call_fail().
 *
 * Peers other than root and our own user are turned away. Whatever a peer sends costs bounded
 * memory, and ends at most its own connection.
 */
#ifndef RUNTIME_FACTORY_GRPC_SERVER_H
#define RUNTIME_FACTORY_GRPC_SERVER_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include "base/error.h"
#include "base/loop.h"
#include "runtime/factory/grpc_wire.h"

struct grpc_server;
struct grpc_call;

enum grpc_outcome {
	GRPC_END_DELIVERED, /* the client has read the answer, be it a reply or a failure */
	GRPC_END_CANCELLED, /* the client gave up or went away before it had the answer */
	GRPC_END_EXPIRED,   /* the client's deadline passed without an answer; it is told so */
	GRPC_END_LOST,	    /* the answer was sent and not read: the client died or hangs */
};

/* The message is valid during the call only. arg is the configuration's. */
typedef void grpc_method_fn(void *arg, struct grpc_call *call, const char *message, size_t len);
typedef void grpc_end_fn(void *arg, struct grpc_call *call, enum grpc_outcome outcome);
typedef void grpc_drained_fn(void *arg);

struct grpc_method {
	const char *path; /* "/package.Service/Method" */
	grpc_method_fn *fn;
};

/* Zero means the default given. */
struct grpc_server_config {
	const struct grpc_method *methods; /* not copied */
	size_t n_methods;
	grpc_end_fn *end;	  /* required */
	void *arg;		  /* for the methods and end */
	size_t max_message;	  /* longest request, 4 MiB */
	size_t max_buffered;	  /* bytes of unfinished requests in all, 4 * max_message */
	uint32_t max_calls;	  /* at once on one connection, 100 */
	uint32_t max_connections; /* 64: with more, idle ones are closed, then newcomers wait */
	int64_t stall_ms; /* patience with a peer that stops in the middle of something, 30 s */
};

/* The loop is not owned and must outlive the server. NULL after setting err. */
struct grpc_server *grpc_server_new(struct loop *loop, const struct grpc_server_config *config,
				    struct error *err);
/* Ends every connection; calls that are still open get their `end`. NULL is fine. */
void grpc_server_free(struct grpc_server *server);

/* Accepts connections on a listening socket (sock_listen_at()), which the server owns from here on,
 * also on failure. Once a server. */
int grpc_server_listen(struct grpc_server *server, int listen_fd, struct error *err) must_check;
/* Serves one connected Unix stream socket, which the server owns from here on, also on failure.
 * -EACCES when the peer is neither root nor our user. */
int grpc_server_add(struct grpc_server *server, int fd, struct error *err) must_check;

/* Graceful end: accepts nothing more (the listening socket is closed), tells the clients (GOAWAY),
 * lets open calls finish, closes each connection that has none. Calls drained(arg) when the last is
 * gone; from inside when there is none. Calls that wait for something should be failed by their
 * owner with GRPC_UNAVAILABLE, or drained may take for ever: the caller sets a timer for
 * grpc_server_free(). */
void grpc_server_drain(struct grpc_server *server, grpc_drained_fn *drained, void *arg);

/* Answers with a message (copied) and status OK. -EALREADY when the call has its answer already,
 * -ENOMEM or -E2BIG when it could not be taken: the call then waits for an answer still. */
int grpc_call_reply(struct grpc_call *call, const void *message, size_t len) must_check;
/* Answers with a status other than OK and a text for people (at most GRPC_TEXT_MAX bytes). A second
 * answer is ignored. Out of memory ends the call as the client's cancelling does. */
void grpc_call_fail(struct grpc_call *call, enum grpc_code code, const char *fmt, ...)
	printf_like(3, 4);

/* A pointer of the caller's that travels with the call; NULL at first. */
void grpc_call_set_data(struct grpc_call *call, void *data);
void *grpc_call_data(const struct grpc_call *call);
/* Who called, as the kernel told when the connection was made. The pid may be gone. */
void grpc_call_peer(const struct grpc_call *call, pid_t *pid, uid_t *uid);
/* The method's path. */
const char *grpc_call_path(const struct grpc_call *call);

#endif
