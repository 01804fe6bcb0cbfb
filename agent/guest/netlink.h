/* Requests to the kernel's routing by netlink: built in a fixed buffer, sent one at a time,
 * answered by an acknowledgement. */
#ifndef AGENT_GUEST_NETLINK_H
#define AGENT_GUEST_NETLINK_H

#include <linux/netlink.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/error.h"

enum { NETLINK_REQUEST_MAX = 512 };

struct netlink_request {
	union {
		struct nlmsghdr header;
		char bytes[NETLINK_REQUEST_MAX];
	};
	bool overflow; /* something did not fit: sending fails */
};

/* Returns a socket of NETLINK_ROUTE, or -errno. */
int netlink_open(void) must_check;
/* Starts a request: type RTM_*, flags NLM_F_* (REQUEST and ACK are added), and the fixed part. */
void netlink_begin(struct netlink_request *request, uint16_t type, uint16_t flags, const void *body,
		   size_t len);
/* Adds an attribute. */
void netlink_put(struct netlink_request *request, uint16_t type, const void *data, size_t len);
void netlink_put_u32(struct netlink_request *request, uint16_t type, uint32_t value);
/* An attribute of a message; data is NULL when there is none. */
struct netlink_attr {
	const void *data;
	size_t len;
};

/* Returns a socket that gets what the kernel tells to groups (RTMGRP_*), or -errno. */
int netlink_listen(uint32_t groups) must_check;
/* Called for each message of a dump; header->nlmsg_len bytes are there. */
typedef void netlink_row(void *arg, const struct nlmsghdr *header);
/* Asks for all objects of a kind (RTM_GET*) and calls row for each. 0 or -errno. */
int netlink_dump(uint16_t type, const void *body, size_t len, netlink_row *row, void *arg)
	must_check;
/* Finds an attribute behind the fixed part of a message, which the caller knows to be there. */
void netlink_find(const struct nlmsghdr *header, size_t fixed_len, uint16_t type,
		  struct netlink_attr *out);

/* Sends it and waits for the kernel's verdict: 0 or -errno. */
int netlink_send(int fd, struct netlink_request *request) must_check;

#endif
