/* What the netlink files share: requests built in a fixed buffer, answers read to their end. */
#ifndef RUNTIME_NET_NETLINK_REQUEST_H
#define RUNTIME_NET_NETLINK_REQUEST_H

#include <linux/netlink.h>
#include <stddef.h>
#include "runtime/net/netlink.h"

enum { NETLINK_REQUEST_MAX = 1024 };

/* Room for any request of ours. */
union netlink_request {
	struct nlmsghdr header;
	char bytes[NETLINK_REQUEST_MAX];
};

/* Starts a request: type RTM_*, flags NLM_F_* (REQUEST is added), and the fixed part of `len`
 * bytes, which is copied. */
void netlink_begin(union netlink_request *request, uint16_t type, uint16_t flags, const void *body,
		   size_t len);
/* Sends it and waits for the kernel's verdict: 0 or -errno. */
int netlink_execute(struct netlink *nl, union netlink_request *request) must_check;
/* Takes one message of an answer: 0, or -errno, with which the rest is skipped. */
typedef int (*netlink_message_fn)(const struct nlmsghdr *message, void *arg);
/* Sends it and hands the one message that answers it to fn: 0 or -errno. */
int netlink_ask(struct netlink *nl, union netlink_request *request, netlink_message_fn fn,
		void *arg) must_check;
/* Asks for a list and hands every message of it to fn. -EINTR: what was listed changed meanwhile,
 * ask again from the start. */
int netlink_list(struct netlink *nl, union netlink_request *request, netlink_message_fn fn,
		 void *arg) must_check;

/* Builders of the requests, without a socket: for netlink_*.c and their tests. */
void netlink_build_macvtap(union netlink_request *request, const char *name, unsigned lower);
void netlink_build_ingress(union netlink_request *request, uint16_t type, uint16_t flags,
			   unsigned index);
void netlink_build_redirect(union netlink_request *request, uint16_t type, uint16_t flags,
			    unsigned from, unsigned to);

#endif
