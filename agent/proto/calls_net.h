/* Bodies of the calls that shape the guest's network: interfaces, routes, neighbours, names. Both
 * families everywhere; numbers are those of rtnetlink. */
#ifndef AGENT_PROTO_CALLS_NET_H
#define AGENT_PROTO_CALLS_NET_H

#include "base/json.h"

struct call_net_address {
	const char *address; /* "10.0.0.2/24", "fd00::2/64"; without a prefix it is a host's */
	const char *peer;    /* other end of a point-to-point link; NULL: none */
	struct opt_u32 scope;
};

/*
 * UPDATEINTERFACE (79): finds an interface by mac, else by pci_path, else by device, waiting until
 * it appears; then gives it what is set here and leaves the rest as it is. Whoever holds the new
 * name gets out of the way.
 */
struct call_update_interface {
	const char *mac;      /* it has now, "02:42:ac:11:00:02" */
	const char *pci_path; /* "0000:00:05.0" or "00:05.0" */
	const char *device;   /* name it has now */
	const char *name;     /* name it shall have */
	const char *new_mac;
	uint32_t mtu;		    /* 0: as it is */
	struct json_objs addresses; /* struct call_net_address */
	bool exact;	     /* addresses that are not listed go, link-local IPv6 ones stay */
	struct opt_bool up;  /* unset: true */
	uint32_t timeout_ms; /* for it to appear; 0: 5000, at most 30000 */
};

struct call_net_route {
	const char *dest; /* a network, an address, or "default" (then gateway or src tells the
			     family, else IPv4) */
	const char *gateway;
	const char *device;
	const char *src;	 /* preferred source address */
	struct opt_u32 scope;	 /* unset: link without a gateway, else universe */
	struct opt_u32 type;	 /* unset: unicast */
	struct opt_u32 protocol; /* unset: boot */
	uint32_t metric;
	uint32_t mtu; /* 0: the interface's */
	bool onlink;  /* the gateway is reachable though no address of ours says so */
};

/* UPDATEROUTES (80): adds or replaces routes of the main table. */
struct call_update_routes {
	struct json_objs routes; /* struct call_net_route */
	bool exact;		 /* others go, except those that the kernel has made by itself */
};

struct call_net_neighbour {
	const char *address;
	const char *device;
	const char *lladdr;   /* NULL: none, as for "failed" */
	struct opt_u32 state; /* NUD_*; unset: permanent */
	uint32_t flags;	      /* NTF_* */
};

/* UPDATENEIGHBOURS (81): adds or replaces entries of the neighbour tables. */
struct call_update_neighbours {
	struct json_objs neighbours; /* struct call_net_neighbour */
};

/*
 * SETDNS (82): resolv.conf. Without a container it is the guest's own. With one, it is mounted over
 * the container's /etc/resolv.conf, at any time between its creation and its end; a container that
 * has a mount of its own there keeps that, and `applied` of the reply is false.
 */
struct call_set_dns {
	const char *container; /* NULL or "": the guest itself */
	const char *content;   /* of the file, at most 64 KiB */
};

struct call_set_dns_reply {
	bool applied;
};

extern const struct json_type call_update_interface_type;
extern const struct json_type call_update_routes_type;
extern const struct json_type call_update_neighbours_type;
extern const struct json_type call_set_dns_type;
extern const struct json_type call_set_dns_reply_type;

#endif
