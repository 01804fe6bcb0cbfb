/* What a network namespace holds, as far as a guest can be given the same: interfaces with
 * addresses, and the routes and permanent neighbours that belong to them. */
#ifndef RUNTIME_NET_SCAN_H
#define RUNTIME_NET_SCAN_H

#include "agent/proto/calls_net.h"
#include "base/arena.h"
#include "base/json.h"
#include "runtime/net/netlink.h"

enum {
	NET_LINKS_MAX = 256,
	NET_ADDRESSES_MAX = 256, /* of one interface */
	NET_ROUTES_MAX = 4096,
	NET_NEIGHBOURS_MAX = 4096,
	NET_MAC_LEN = 6,
	NET_MAC_TEXT_LEN = sizeof("02:42:ac:11:00:02")
};

struct net_link {
	unsigned index;
	const char *name;
	const char *kind; /* "veth"; NULL: a device of the hardware */
	uint16_t type;	  /* ARPHRD_* */
	const char *mac;  /* NULL when it has none of 6 bytes */
	uint32_t mtu;
	bool up;
	struct json_objs addresses; /* struct call_net_address */
};

/* All text and arrays are in the arena given to scan_run(). */
struct net_scan {
	struct net_link *links; /* those with an address, without loopback; by index */
	size_t n_links;
	struct json_objs routes;     /* struct call_net_route: without a gateway first */
	struct json_objs neighbours; /* struct call_net_neighbour */
};

/*
 * Looks at the namespace of nl. An interface without an address is none of the sandbox's (kernels
 * make tunnel stubs in every namespace), nor is one whose name begins with `skip` (may be NULL).
 * Left out are routes of other tables than the main one, those that the kernel makes by itself for
 * an address, and those of interfaces that are not in `links`. What cannot be carried over
 * faithfully is told by a warning. -E2BIG beyond the limits above.
 */
int scan_run(struct netlink *nl, const char *skip, struct arena *arena, struct net_scan *scan,
	     struct error *err) must_check;

/* The interface of that index, NULL when it is not there. */
const struct net_link *scan_find(const struct net_scan *scan, unsigned index);

#endif
