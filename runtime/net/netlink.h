/*
 * The host's side of rtnetlink: one socket in one network namespace, and what is asked of the
 * kernel by it. Names of interfaces are never trusted to stay: requests go by index. Leaf functions
 * return 0 or -errno.
 */
#ifndef RUNTIME_NET_NETLINK_H
#define RUNTIME_NET_NETLINK_H

#include <stdbool.h>
#include <stdint.h>
#include "base/error.h"

struct mnl_socket;

/* Zero-initialise. */
struct netlink {
	struct mnl_socket *socket;
	uint32_t seq;
};

/* A socket in the calling process' namespace; it stays there when the process goes elsewhere. */
int netlink_open(struct netlink *nl) must_check;
void netlink_close(struct netlink *nl);

#define auto_netlink __attribute__((cleanup(netlink_close)))

/* Index of the interface of that name, 0 when there is none, or -errno. */
int netlink_find_link(struct netlink *nl, const char *name) must_check;
/*
 * Makes an interface of kind macvtap on top of `lower`, in mode "passthru": it has the MAC of lower
 * and takes every frame that comes in there. -EEXIST when the name is in use, -EBUSY or -EINVAL
 * when lower has one already.
 */
int netlink_add_macvtap(struct netlink *nl, const char *name, unsigned lower) must_check;
/* Removes an interface; -ENODEV when it is gone. */
int netlink_delete_link(struct netlink *nl, unsigned index) must_check;
/* Sets the MTU, has the kernel give it no IPv6 address by itself, brings it up. */
int netlink_prepare_link(struct netlink *nl, unsigned index, uint32_t mtu) must_check;

/* Adds the qdisc for incoming frames; -EEXIST when there is one. */
int netlink_add_ingress(struct netlink *nl, unsigned index) must_check;
/* Removes it with all its filters; -ENOENT, -EINVAL or -ENODEV when there is nothing to remove. */
int netlink_delete_ingress(struct netlink *nl, unsigned index) must_check;
/* Is there one, made by whomever? 1, 0 or -errno. */
int netlink_has_ingress(struct netlink *nl, unsigned index) must_check;
/* Every frame that comes in at `from` leaves at `to`, behind the filters that others have there.
 * One that was left from before is replaced. */
int netlink_add_redirect(struct netlink *nl, unsigned from, unsigned to) must_check;
/* Removes it; -ENOENT, -EINVAL or -ENODEV when it is gone. */
int netlink_delete_redirect(struct netlink *nl, unsigned from) must_check;

#endif
