/* resolv.conf of the guest and of its containers. */
#ifndef AGENT_GUEST_DNS_H
#define AGENT_GUEST_DNS_H

#include "agent/guest/guest.h"
#include "agent/guest/slots.h"
#include "agent/proto/calls_net.h"

/* SETDNS; container is NULL for the guest itself. Answers the slot. */
void dns_set(struct guest *guest, const struct container *container,
	     const struct call_set_dns *call, struct slot *slot);
/* Forgets what was kept for a container. */
void dns_forget(const char *container_id);

#endif
