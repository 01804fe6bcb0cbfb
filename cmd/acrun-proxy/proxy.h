/*
 * The proxy as a whole: one VM, the connections of the runtime and of the shims, the sessions (one
 * a process) between them. One thread, one loop; nobody is ever waited for.
 */
#ifndef ACRUN_PROXY_PROXY_H
#define ACRUN_PROXY_PROXY_H

#include <stdbool.h>
#include <stdint.h>
#include "base/error.h"
#include "base/loop.h"
#include "cmd/acrun-proxy/journal.h"

struct client;
struct session;
struct vm;

/* How long things may take, in milliseconds. */
struct proxy_waits {
	int64_t shim_ms;   /* a start call waits for the shim of its token */
	int64_t call_ms;   /* the agent's answer to one call */
	int64_t linger_ms; /* shims take leave after the VM has gone */
	int64_t rejoin_ms; /* shims of an earlier proxy come back */
	int32_t resend_ms; /* a link waits for an acknowledgement at first */
};

struct proxy {
	struct loop *loop;	 /* owned by the caller */
	const char *url;	 /* "unix:///path", told to clients; owned by the caller */
	const char *console_log; /* NULL: the guest's console is read and thrown away */
	struct journal journal;	 /* its path is the caller's to set */
	bool link; /* the VM's channels lose bytes: an acknowledged link lies below their frames */
	struct proxy_waits waits;
	int listen_fd; /* owned; -1: no new connections */
	char *sandbox; /* id of the sandbox registered, NULL before */
	struct vm *vm; /* NULL before RegisterVM */
	struct client *clients;
	struct session *sessions;
	unsigned n_sessions;
	uint64_t next_stream; /* the next pair of stream ids starts here */
	bool unregistered;
	bool lingering;
	bool ended;
};

void proxy_init(struct proxy *proxy, struct loop *loop, const char *url);
/* Closes everything. */
void proxy_done(struct proxy *proxy);
/*
 * Takes the place of a proxy that left a journal: its VM and its sessions, which wait for their
 * shims. A VM that is gone is no error: the shims are told so.
 */
int proxy_restore(struct proxy *proxy, struct error *err) must_check;
/* Takes the listening socket over (made non-blocking). */
int proxy_listen(struct proxy *proxy, int fd, struct error *err) must_check;
/*
 * Brings everything into line after an event: moves stdin on, resumes paused connections, frees the
 * dead, ends the loop when nothing is left to do. Every callback of the loop calls it last; nothing
 * else frees clients and sessions.
 */
void proxy_settle(struct proxy *proxy);
/* The runtime is done with the VM: no new connections; the proxy ends when the VM has gone. */
void proxy_unregister(struct proxy *proxy);

#endif
