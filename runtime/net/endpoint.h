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
 * sandboxes in one namespace cannot take the same interface. Some VMMs open only what is called a
 * tap. */
#define NET_DEVICE_PREFIX "tapacrun"

/* Part of the sandbox's state. */
struct net_endpoint {
	const char *name; /* of the interface */
	const char *kind; /* "veth" */
	uint32_t index;
	const char *mac;
	const char *model;  /* how it is connected; "" for a device that is opened as it is */
	const char *device; /* of the host, at the guest's end: "tapacrun5" */
	bool own_ingress;   /* the interface's qdisc for incoming frames is ours */
	/* The VMM opens the device by its name: it stays when nobody has it open, and its frames go
	 * without virtio's header. */
	bool by_name;
	bool spare; /* the device is a spare one, which the machine has booted with */
};

extern const struct json_type net_endpoint_type;

/* A device that the machine boots with, for an interface that comes while it runs. Part of the
 * sandbox's state, like the above: it has a name before it is made. */
struct net_spare {
	const char *device;
	const char *mac; /* of the guest's interface, until it gets that of the host's */
};

extern const struct json_type net_spare_type;

/* A way to connect an interface to a device that a VMM can open. */
struct net_model {
	const char *name; /* as in internetworking_model */
	bool macvtap;	  /* the device is one */
	/* Makes the device and connects it. Returns the device, opened. What a failure leaves is
	 * for undo. */
	int (*make)(struct netlink *nl, const struct net_endpoint *ep, uint32_t mtu,
		    struct error *err);
	/* Connects a device that is there already; NULL: cannot be. */
	int (*join)(struct netlink *nl, const struct net_endpoint *ep, uint32_t mtu,
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

/* For an endpoint with a spare device: connects that to its interface. */
int endpoint_join(struct netlink *nl, const struct net_endpoint *ep, uint32_t mtu,
		  struct error *err) must_check;

/*
 * Can interfaces that come later be connected to spare devices, in this model? Macvtaps cannot:
 * they are made of the interface.
 */
bool endpoint_may_be_spare(const char *model);

/* Describes a spare device by a name that is free, from *number on, which then is the next to look
 * at, and an address of its own. Text in arena. */
int spare_plan(struct netlink *nl, unsigned *number, struct arena *arena, struct net_spare *spare,
	       struct error *err) must_check;
/* Makes it, to be opened by its name. -EBUSY: somebody else has one of that name. */
int spare_make(const struct net_spare *spare, struct error *err) must_check;
/* Undoes it; may run twice. */
void spare_undo(struct netlink *nl, const struct net_spare *spare);

/* Is the device of ep a macvtap? */
bool endpoint_is_macvtap(const struct net_endpoint *ep);

/* Undoes it; may run twice, and when the interface is gone. */
void endpoint_undo(struct netlink *nl, const struct net_endpoint *ep);

#endif
