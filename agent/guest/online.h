/* Processors and memory that were plugged in while the machine runs. */
#ifndef AGENT_GUEST_ONLINE_H
#define AGENT_GUEST_ONLINE_H

#include "agent/guest/slots.h"
#include "agent/proto/calls.h"

/*
 * ONLINECPUMEM: brings all that is offline online, in a worker, and answers the slot when that is
 * done. When the call names totals, it first waits for them to appear: a new device is announced to
 * the host before the guest has seen it.
 */
void online_all(struct guest *guest, const struct call_onlinecpumem *call, struct slot *slot);

#endif
