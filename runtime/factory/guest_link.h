/*
 * A plain, blocking connection to a machine's guest, as a host without a proxy would have it: for
 * what is done to machines before anybody owns them. The guest greets each new host, so whoever
 * leaves must leave it time to see that.
 */
#ifndef RUNTIME_FACTORY_GUEST_LINK_H
#define RUNTIME_FACTORY_GUEST_LINK_H

#include "agent/proto/calls.h"
#include "base/strbuf.h"
#include "runtime/factory/machine.h"

struct guest_link {
	int ctl_fd, tty_fd;
	struct strbuf ctl, tty; /* read, not yet decoded */
	int64_t deadline_ms;	/* of clock_now_ms(), for all that is done */
};

#define GUEST_LINK_INIT                                                                         \
	{                                                                                       \
		.ctl_fd = -1, .tty_fd = -1, .ctl = { .max = 1 << 20 }, .tty = {.max = 1 << 20 } \
	}

/* Connects, and waits for the guest's READY. */
int guest_link_open(struct guest_link *link, const struct machine *machine, int64_t deadline_ms,
		    struct error *err) must_check;

/* One call; `body` is encoded by `type` (both NULL: none). The answer's payload is dropped; an
 * ERROR becomes err. */
int guest_link_call(struct guest_link *link, enum call_code code, const struct json_type *type,
		    const void *body, struct error *err) must_check;

/* Waits for the exit code of the process with that stdio stream; its output is dropped. */
int guest_link_wait_exit(struct guest_link *link, uint64_t stdio, int *code, struct error *err)
	must_check;

/* Leaves: after this the guest will greet the next host. */
void guest_link_leave(struct guest_link *link);

/* Closes what is open, without more ado. */
void guest_link_done(struct guest_link *link);

#endif
