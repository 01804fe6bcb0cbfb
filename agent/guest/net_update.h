/* Addresses, routes and neighbours of the guest, for the calls of agent/proto/calls_net.h. All of
 * it may wait for the kernel: call it in a worker. */
#ifndef AGENT_GUEST_NET_UPDATE_H
#define AGENT_GUEST_NET_UPDATE_H

#include "agent/guest/netaddr.h"
#include "agent/proto/calls_net.h"
#include "base/error.h"

/* Adds or changes an address of an interface; peer (may be NULL) is the other end of the link.
 * fd is of netlink_open(). */
int net_add_address(int fd, int index, const struct netaddr *address, const struct netaddr *peer,
		    uint8_t scope, struct error *err) must_check;
/* UPDATEINTERFACE. */
int net_update_interface(const struct call_update_interface *call, struct error *err) must_check;
/* UPDATEROUTES. Routes without a gateway come first: gateways of others may depend on them. */
int net_update_routes(const struct call_update_routes *call, struct error *err) must_check;
/* UPDATENEIGHBOURS. */
int net_update_neighbours(const struct call_update_neighbours *call, struct error *err) must_check;

#endif
