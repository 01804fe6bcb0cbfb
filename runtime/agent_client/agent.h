/* Typed calls of the agent in the guest, made through the sandbox's proxy. */
#ifndef RUNTIME_AGENT_CLIENT_AGENT_H
#define RUNTIME_AGENT_CLIENT_AGENT_H

#include "agent/proto/calls.h"
#include "runtime/agent_client/client.h"

/* Paths of the sockets of one VM, as RegisterVM wants them. */
struct agent_vm {
	const char *sandbox_id;
	const char *ctl_path;
	const char *tty_path;
	const char *console_path;
};

/* Asks the proxy to take the VM over; its answer comes when the guest is ready: agent_registered()
 * waits for it. */
int agent_register(struct client *client, const struct agent_vm *vm, struct error *err) must_check;
/* token receives the token of the first process' streams, client->dialect what the proxy says of
 * the agent. */
int agent_registered(struct client *client, const struct client_wait *wait,
		     char token[static CLIENT_TOKEN_MAX], struct error *err) must_check;
/* Finds by what it answers which dialect the agent speaks, when the proxy does not say it. Asks
 * nothing that an original proxy would not survive. */
int agent_find_dialect(struct client *client, const struct client_wait *wait,
		       enum agent_dialect *dialect, struct error *err) must_check;
/* Attaches this connection; token may be NULL when no streams are wanted. */
int agent_attach(struct client *client, const char *sandbox_id, const struct client_wait *wait,
		 char *token, struct error *err) must_check;
/* Tells the proxy that the VM is about to go: it ends when its last shim has left. */
int agent_unregister(struct client *client, const char *sandbox_id, const struct client_wait *wait,
		     struct error *err) must_check;

/* A call as data: `body` is encoded by `type`, or `json` is the body as it is (all NULL: none). */
struct agent_request {
	enum call_code code;
	const char *token; /* NULL: none */
	const struct json_type *type;
	const void *body;
	const char *json;
};

/* Makes the call; what the agent answers goes to reply (may be NULL). An ERROR of the agent becomes
 * err with its text alone. */
int agent_ask(struct client *client, const struct agent_request *request,
	      const struct client_wait *wait, struct strbuf *reply, struct error *err) must_check;

/* The same for a call whose answer is empty. */
int agent_call(struct client *client, enum call_code code, const char *token,
	       const struct json_type *type, const void *body, const struct client_wait *wait,
	       struct error *err) must_check;

/*
 * Makes a guest that was restored from a template one of its own: fresh seed for its random
 * numbers, the right time. Must come before anything else is asked of it.
 */
int agent_give_identity(struct client *client, const struct client_wait *wait, struct error *err)
	must_check;

/* Has the guest bring hot-added CPUs and memory online; waits until it has so many in all. */
int agent_online(struct client *client, uint32_t vcpus, uint32_t memory_mib,
		 const struct client_wait *wait, struct error *err) must_check;

#endif
