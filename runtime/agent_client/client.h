/* A connection to the sandbox's proxy: frames out, responses in, one command at a time
 * (docs/protocols.md, proxy protocol v2). */
#ifndef RUNTIME_AGENT_CLIENT_CLIENT_H
#define RUNTIME_AGENT_CLIENT_CLIENT_H

#include <stdbool.h>
#include <stdint.h>
#include "agent/proto/ccproxy.h"
#include "base/error.h"
#include "base/strbuf.h"
#include "runtime/agent_client/dialect.h"

enum { CLIENT_TOKEN_MAX = 128 };

struct client;
struct client_wait;

/* Connects again to a sandbox whose proxy has gone away, or to the one that took its place. */
typedef int client_reopen_fn(struct client *client, const void *arg, const struct client_wait *wait,
			     struct error *err);

struct client {
	int fd;		  /* -1: not connected */
	int interrupt_fd; /* becomes readable when the user wants us to give up; -1: none. Never
			     read here. */
	struct strbuf in;
	enum agent_dialect dialect; /* as agent_registered() has learnt it */
	client_reopen_fn *reopen;   /* NULL: a call whose answer was lost is an error */
	const void *reopen_arg;
};

/* What may end a wait early: a descriptor that becomes readable when the VM has died (a pidfd). fd
 * -1: nothing. */
struct client_wait {
	int64_t deadline_ms; /* of clock_now_ms() */
	int abort_fd;
};

/* Connects to the socket `name` in directory dir_fd. */
int client_open(struct client *client, int dir_fd, const char *name, struct error *err) must_check;
void client_close(struct client *client);
/* Does this failure mean that the proxy has gone away? */
bool client_is_lost(int code);

/* Sends one command without waiting for the answer. */
int client_send(struct client *client, enum ccproxy_command command, const char *json,
		struct error *err) must_check;

/*
 * Waits for the response to `command`; its payload is put into reply (may be NULL). An error
 * response becomes err with the proxy's text and -EREMOTEIO; -EINTR when client->interrupt_fd
 * fired; -ETIMEDOUT at the deadline; -ECONNABORTED when wait->abort_fd fired; -ECONNRESET when the
 * proxy went away.
 */
int client_receive(struct client *client, enum ccproxy_command command,
		   const struct client_wait *wait, struct strbuf *reply, struct error *err)
	must_check;

/* client_send() and client_receive(). */
int client_call(struct client *client, enum ccproxy_command command, const char *json,
		const struct client_wait *wait, struct strbuf *reply, struct error *err) must_check;

#define auto_client __attribute__((cleanup(client_close)))

#endif
