/* The pod: the share, the name of the machine, and the end of all containers. */
#ifndef AGENT_GUEST_POD_H
#define AGENT_GUEST_POD_H

#include "agent/guest/guest.h"
#include "agent/guest/slots.h"
#include "agent/proto/calls.h"

/* STARTPOD: answers the slot when the share is mounted. */
void pod_start(struct guest *guest, const struct call_startpod *call, struct slot *slot);
/* DESTROYPOD: kills everything, unmounts, writes back; the machine stays up. */
void pod_destroy(struct guest *guest, struct slot *slot);

#endif
