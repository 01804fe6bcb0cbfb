/* The processes of a container, as numbers or as a table. */
#ifndef AGENT_GUEST_PS_H
#define AGENT_GUEST_PS_H

#include "agent/guest/container.h"
#include "agent/guest/slots.h"

/* PSCONTAINER: answers the slot. Reading of a process' memory may take any time, so a worker does
 * it.
 */
void ps_list(struct container *container, const struct call_pscontainer *call, struct slot *slot);

#endif
