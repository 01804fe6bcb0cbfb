/*
 * Endpoints: the interfaces of a sandbox's network namespace, each connected to an interface of its
 * guest. What is made for one is described by a struct net_endpoint before it is made, so that it
 * can be undone from the description alone, by another process, as often as need be.
 */
#ifndef RUNTIME_NET_ENDPOINT_H
#define RUNTIME_NET_ENDPOINT_H

#include "base/arena.h"
#include "base/json.h"
#include "runtime/net/netlink.h"
#include "runtime/net/scan.h"

/* What devices of ours are called: this and the index of the interface that they serve, so that two
 * sandboxes in one namespace cannot take the same interface. */
#define NET_DEVICE_PREFIX "acrun"

/* Part of the sandbox's state. */
struct net_endpoint {
	const char *name; /* of the interface */
	const char *kind; /* "veth" */
	uint32_t index;
	const char *mac;
	const char *model;  /* how it is connected; "" for a device that is opened as it is */
	const char *device; /* of the host, at the guest's end: "acrun5" */
	bool own_ingress;   /* the interface's qdisc for incoming frames is ours */
};

extern const struct json_type net_endpoint_type;

/* A way to connect an interface to a device that a VMM can open. */
struct net_model {
	const char *name; /* as in internetworking_model */
	bool macvtap;	  /* the device is one */
	/* Makes the device and connects it. Returns the device, opened. What a failure leaves is
	 * for undo. */
	int (*make)(struct netlink *nl, const struct net_endpoint *ep, uint32_t mtu,
		    struct error *err);
	/* Takes back whatever of it there is. Errors are logged: nobody can do more. */
	void (*undo)(struct netlink *nl, const struct net_endpoint *ep);
};

extern const struct net_model model_tcfilter, model_macvtap, model_none;

/* A kind of interface. */
struct net_kind {
	const char *name; /* the kernel's name of the kind */
	/* As of a model; NULL: the configured model does it. */
	int (*make)(struct netlink *nl, const struct net_endpoint *ep, uint32_t mtu,
		    struct error *err);
	bool macvtap;
};

/* Interfaces that are one end of something virtual: connected by the model. Interfaces that are
 * devices for a VMM already: opened. NULL-terminated. */
extern const struct net_kind *const net_kinds[];
extern const struct net_kind kind_macvtap;

/*
 * Describes how link is to be connected, without making anything. -ENOTSUP with the reason when it
 * cannot be, -EBUSY when another sandbox has the interface. Text in arena.
 */
int endpoint_plan(struct netlink *nl, const struct net_link *link, const char *model,
		  struct arena *arena, struct net_endpoint *ep, struct error *err) must_check;

/* Makes it. Returns the descriptor of the device for the VMM. -EBUSY: another sandbox was faster,
 * and nothing of ours is there to be undone. */
int endpoint_make(struct netlink *nl, const struct net_endpoint *ep, uint32_t mtu,
		  struct error *err) must_check;

/* Is the device of ep a macvtap? */
bool endpoint_is_macvtap(const struct net_endpoint *ep);

/* Undoes it; may run twice, and when the interface is gone. */
void endpoint_undo(struct netlink *nl, const struct net_endpoint *ep);

#endif
