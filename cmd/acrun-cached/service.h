/* The pool's gRPC service: Config, GetBaseVM, Status, Quit. */
#ifndef CMD_ACRUN_CACHED_SERVICE_H
#define CMD_ACRUN_CACHED_SERVICE_H

#include "cmd/acrun-cached/pool.h"
#include "runtime/factory/grpc_server.h"

struct service_get;

struct service {
	struct loop *loop;
	struct pool *pool;
	struct grpc_server *server;
	struct service_get *waiting; /* calls of GetBaseVM, the oldest first */
	bool stopping;
};

/* Serves on a listening socket, which it owns from here on, also on failure. */
int service_start(struct service *service, int listen_fd, struct error *err) must_check;
/* As a pool_change_fn: hands out what has become ready, or tells those who wait why nothing does.
 */
void service_pool_changed(void *arg, const struct error *err);
/* Ends in order: no new calls, the open ones get an answer, then the loop stops; after 1 s in any
 * case. */
void service_stop(struct service *service);
void service_done(struct service *service);

#endif
