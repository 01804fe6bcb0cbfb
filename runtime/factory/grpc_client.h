/* Blocking gRPC client for unary calls on a Unix stream socket. A client is one connection; it can
 * make any number of calls, one after the other, until one fails on the connection itself. */
#ifndef RUNTIME_FACTORY_GRPC_CLIENT_H
#define RUNTIME_FACTORY_GRPC_CLIENT_H

#include <stddef.h>
#include <stdint.h>
#include "base/error.h"
#include "base/strbuf.h"
#include "runtime/factory/grpc_wire.h"

struct grpc_client;

/* Connects to the server at the absolute path; nothing is sent yet. NULL after setting err. */
struct grpc_client *grpc_client_open(const char *path, struct error *err);
/* As above on a connected stream socket, which the client owns from here on, also on failure. */
struct grpc_client *grpc_client_new(int fd, struct error *err);
/* Closes the connection; NULL is fine. */
void grpc_client_free(struct grpc_client *client);

/*
 * Calls "/package.Service/Method" with a message of len bytes and waits for the answer, timeout_ms
 * at most (< 0: for ever); the server is told that limit. The reply's message is appended to reply,
 * whose max bounds it (0: 4 MiB); zero bytes are a valid message.
 *
 * Returns 0 when the status is OK. Another status makes err say the server's text and the status'
 * name, and the result grpc_code_errno() of it; the next call can be made. Without a valid answer
 * (-ETIMEDOUT, -ECONNRESET, -EPROTO and the like) the client is good for nothing more but
 * grpc_client_free(): another call is -ENOTCONN. After a failure reply is as before.
 */
int grpc_client_call(struct grpc_client *client, const char *method, const void *request,
		     size_t len, int64_t timeout_ms, struct strbuf *reply, struct error *err)
	must_check;

/*
 * The same in steps, for callers with other things to watch. start() does not move a byte yet.
 * advance() moves what goes without waiting and returns 1 when the answer is whole, 0 when there is
 * more to come, or -errno; then finish() is called with that result, once, and does and returns
 * what grpc_client_call() does. Between two advance() something has to wait for the socket:
 * wait() does, until the call's time is over at the latest (0, or -errno of poll). Replies are
 * bounded by 4 MiB.
 */
int grpc_client_start(struct grpc_client *client, const char *method, const void *request,
		      size_t len, int64_t timeout_ms, struct error *err) must_check;
int grpc_client_advance(struct grpc_client *client) must_check;
int grpc_client_wait(struct grpc_client *client) must_check;
int grpc_client_finish(struct grpc_client *client, int result, struct strbuf *reply,
		       struct error *err) must_check;

/* The status of the last call. GRPC_UNAVAILABLE when the connection failed, GRPC_DEADLINE_EXCEEDED
 * when time ran out, GRPC_INTERNAL when the answer was no gRPC. */
enum grpc_code grpc_client_status(const struct grpc_client *client);

/* One call on a connection of its own: opens the path, calls, closes. */
int grpc_client_call_once(const char *path, const char *method, const void *request, size_t len,
			  int64_t timeout_ms, struct strbuf *reply, struct error *err) must_check;

#endif
