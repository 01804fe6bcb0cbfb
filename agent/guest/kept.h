/* Output that was sent and not yet passed on by the host: kept for a host that resumes. */
#ifndef AGENT_GUEST_KEPT_H
#define AGENT_GUEST_KEPT_H

#include <stdint.h>
#include "agent/guest/stream.h"
#include "base/error.h"

/* Drops what the host has passed on: now and then, for moving the rest costs. */
void kept_drop_taken(struct stream_out *out);
/* Puts bytes that were kept into the channel once more, as far as there is room. */
void kept_send(struct stream_out *out);
/* The host stands at `received` and has passed on `taken`. -EINVAL when that is not here any more.
 */
int kept_set_back(struct stream_out *out, uint64_t received, uint64_t taken, struct error *err)
	must_check;

#endif
