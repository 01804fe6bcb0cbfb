/* Connections of the runtime and of the shims: bytes to frames, answers in the order of the
 * requests. */
#ifndef ACRUN_PROXY_CLIENTS_H
#define ACRUN_PROXY_CLIENTS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include "agent/proto/ccproxy.h"
#include "cmd/acrun-proxy/outq.h"

struct proxy;
struct session;
struct client;

/* A command that waits for its answer. Its owner ends it by request_reply() or request_fail(),
 * exactly once. */
struct request {
	struct request *next;
	struct client *client; /* NULL when the client has gone meanwhile */
	unsigned opcode;
	bool done;
	bool error;
	struct strbuf reply;
};

struct client {
	struct client *next;
	struct proxy *proxy;
	int fd;
	pid_t pid; /* of the peer, for the log; 0: not known */
	uint32_t events;
	bool dead;     /* closed; freed by the next proxy_settle() */
	bool attached; /* RegisterVM or AttachVM succeeded */
	bool busy;     /* a call is under way: later commands wait */
	struct strbuf in;
	uint64_t skip; /* bytes of a refused frame still to come */
	struct outq out;
	struct request *requests; /* oldest first */

	/* as a shim */
	struct session *session;
	bool flow;
	bool kill_on_close;
};

/* Watches the new connection; owns fd from here on, also on failure. NULL when out of memory. */
struct client *client_add(struct proxy *proxy, int fd);
/* Tells in the log what is wrong with this client: it is named by its process, and by its container
 * when it is a shim. */
void client_complain(const struct client *client, const char *what);
/* Closes the connection and lets go of its session and requests. */
void client_close(struct client *client);
void client_free(struct client *client);
/* Sends what there is: answers, then the output of its session. */
void client_flush(struct client *client);
/* Goes on with commands that had to wait. True when anything was done. */
bool client_resume(struct client *client);
/* Queues a notification and sends it. */
void client_notify(struct client *client, unsigned opcode, const void *payload, size_t len);

/* NULL when out of memory (the client is closed then). */
struct request *request_new(struct client *client, unsigned opcode);
void request_reply(struct request *request, const void *payload, size_t len);
/* The answer is {"msg":text}. */
void request_fail(struct request *request, const char *text);
/* Either of these; `request` is a struct request. A vm_done_fn. */
void request_answer(void *request, const struct error *err, const char *payload, size_t len);

#endif
