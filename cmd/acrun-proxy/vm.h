/* The VM's two channels: calls with their pending table, and the I/O streams. */
#ifndef ACRUN_PROXY_VM_H
#define ACRUN_PROXY_VM_H

#include <stdbool.h>
#include <stdint.h>
#include "agent/proto/calls.h"
#include "agent/proto/hyperstart.h"
#include "agent/proto/linked.h"
#include "agent/proto/reset.h"
#include "cmd/acrun-proxy/console.h"
#include "cmd/acrun-proxy/dialect.h"
#include "cmd/acrun-proxy/outq.h"

struct journal_vm;
struct proxy;
struct request;

/*
 * The answer to a call, exactly once: err is NULL and payload (not NUL-terminated) is the agent's,
 * or err tells why there is none. Runs inside a callback of the loop, never inside vm_call().
 */
typedef void vm_done_fn(void *arg, const struct error *err, const char *payload, size_t len);

/* Payload is the body, not NUL-terminated. */
struct vm_request {
	uint32_t code;
	const char *payload;
	size_t len;
	uint64_t key; /* its maker's: carried out once, however often it comes; 0: none */
};

struct pending {
	struct pending *next;
	struct vm *vm;
	uint32_t code;
	uint32_t number; /* of its frame; 0: plain, answered in order */
	int timer;
	vm_done_fn *done; /* NULL once it was given up: the slot stays to swallow the late answer */
	void *arg;
};

struct channel {
	int fd;
	uint32_t events;
	bool resetting; /* what comes before the answer to our RESET is not for us */
	unsigned char nonce[RESET_NONCE_LEN];
	struct strbuf in;
	struct outq out;
	struct linked *linked; /* what both go through; NULL: they are the socket's own bytes */
};

enum vm_state { VM_BOOTING, VM_GREETING, VM_UP, VM_LOST };

struct vm {
	struct proxy *proxy;
	enum vm_state state;
	enum dialect dialect;
	bool extension;	 /* the agent knows our calls */
	bool flow;	 /* and counts credit */
	bool numbered;	 /* and numbers its answers */
	uint32_t window; /* bytes of an output that the agent may send without credit */
	bool once;	 /* and knows a call that comes again by its key */
	uint32_t last_number;
	bool paused;	 /* the I/O channel is not read */
	bool resume;	 /* and keeps for a successor of ours what is on the way */
	bool taken_over; /* from a proxy before us */
	bool ready;	 /* READY has come */
	unsigned char key[RESET_KEY_LEN];
	struct channel ctl;
	struct channel tty;
	struct console console;
	struct pending *pending; /* oldest first */
	struct pending **pending_end;
	struct request *registering; /* RegisterVM that waits for READY */
	uint32_t n_tokens;	     /* asked for by it */
	bool tell_dialect;	     /* asked for by it */
	struct error reason;	     /* why it was lost */
};

/* Where its sockets are. */
struct vm_paths {
	const char *ctl, *tty;
	const char *console; /* NULL or "": none */
};

/* Connects to the VM's sockets and begins the journal, if one is kept. The state goes on by events.
 * NULL with err set on failure. */
struct vm *vm_new(struct proxy *proxy, const struct vm_paths *paths, struct error *err);
/* The VM of a proxy before us. One that cannot be reached any more is VM_LOST. NULL when out of
 * memory. */
struct vm *vm_take_over(struct proxy *proxy, const struct journal_vm *known, struct error *err);
/* True while the agent is not yet ours: commands have to wait. */
bool vm_is_joining(const struct vm *vm);
void vm_free(struct vm *vm);
/* Sends one call. On failure `done` is never called. */
int vm_call(struct vm *vm, const struct vm_request *request, vm_done_fn *done, void *arg,
	    struct error *err) must_check;
/* Appends to the I/O channel and sends; errors lose the VM. */
void vm_send_stdin(struct vm *vm, uint64_t stream, const char *data, size_t len);
void vm_send_credit(struct vm *vm, uint64_t stream, uint32_t bytes);
/* Nobody wants any more of that process, and its end has arrived. */
void vm_send_leave(struct vm *vm, uint64_t stdio);
/* Room for stdin in the queue of the I/O channel. */
bool vm_has_room(const struct vm *vm);
/* Reads on or pauses, as the sessions can take it. */
void vm_update(struct vm *vm);
/* Ends the VM as far as we are concerned. */
void vm_lose(struct vm *vm, const char *why);

#endif
