/* A connection to the agent of an existing sandbox, for the commands after create. */
#ifndef RUNTIME_SANDBOX_ATTACH_H
#define RUNTIME_SANDBOX_ATTACH_H

#include "runtime/agent_client/client.h"
#include "runtime/sandbox/store.h"

/* Connects and attaches; wait->deadline_ms is the caller's, wait->abort_fd becomes the VMM's pidfd:
 * give both to attach_done(). */
int attach_open(const struct record *rec, struct client *client, struct client_wait *wait,
		struct error *err) must_check;
/* The same with streams for a new process: token gets CLIENT_TOKEN_MAX bytes at most. */
int attach_open_streams(const struct record *rec, struct client *client, struct client_wait *wait,
			char *token, struct error *err) must_check;
/* Which dialect the sandbox's agent speaks; every client above has it. */
enum agent_dialect attach_dialect(const struct record *rec);
/* Puts the sandbox's proxy into the sandbox's cgroups: one that took a dead one's place is where
 * whoever started it was. */
void attach_settle_proxy(const struct record *rec);
/* Connects to the control socket of the record's own machine, for an operation of the hypervisor. A
 * descriptor or -errno, which these operations report. */
int attach_connect_control(const struct record *rec) must_check;
/* Has calls repeated that a proxy which dies leaves unanswered; rec must outlive the client. */
void attach_keep(const struct record *rec, struct client *client);
void attach_done(struct client_wait *wait);

#endif
