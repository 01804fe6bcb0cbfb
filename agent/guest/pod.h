/* The pod: the share, the name of the machine, and the end of all containers. */
#ifndef AGENT_GUEST_POD_H
#define AGENT_GUEST_POD_H

#include "agent/guest/guest.h"
#include "agent/guest/slots.h"
#include "agent/proto/calls.h"

/* STARTPOD: answers the slot when the network is set up and the share mounted. */
void pod_start(struct guest *guest, const struct call_startpod *call, struct slot *slot);
/* SETUPINTERFACE, SETUPROUTE: answer the slot when it is done. */
void pod_set_interface(struct guest *guest, const struct call_interface *call, struct slot *slot);
void pod_set_routes(struct guest *guest, const struct call_setuproute *call, struct slot *slot);
/* DESTROYPOD: kills everything, unmounts, writes back; the machine stays up. */
void pod_destroy(struct guest *guest, struct slot *slot);

#endif
