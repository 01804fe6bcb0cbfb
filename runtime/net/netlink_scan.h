/* What the files share that read a namespace's lists. */
#ifndef RUNTIME_NET_NETLINK_SCAN_H
#define RUNTIME_NET_NETLINK_SCAN_H

#include "runtime/net/netlink_request.h"
#include "runtime/net/scan.h"

enum { SCAN_TRIES = 8 };

struct scanning {
	struct netlink *nl;
	const char *skip;
	struct arena *arena;
	struct json_objs links; /* struct net_link, also those without an address */
	struct net_scan *scan;
};

/* Runs `list` until what it reads has not changed meanwhile; it starts anew each time. */
int scan_list(struct scanning *scanning, int (*list)(struct scanning *scanning), const char *what,
	      struct error *err) must_check;
/* Fills scan->routes and scan->neighbours; scan->links is there. */
int scan_routes(struct scanning *scanning, struct error *err) must_check;

/* The attributes behind a message's fixed part, by type; NULL where there is none. */
void scan_attrs(const struct nlmsghdr *message, size_t fixed, const struct nlattr **attrs,
		unsigned max);
/* The same for the attributes within one. */
void scan_nested(const struct nlattr *nest, const struct nlattr **attrs, unsigned max);
/* Text of an attribute, in the arena; NULL when it is not there or not what it must be. */
const char *scan_text(struct scanning *scanning, const struct nlattr *attr);
/* The same for an address: "10.0.0.1", with prefix >= 0 "10.0.0.1/24". */
const char *scan_address(struct scanning *scanning, int family, const struct nlattr *attr,
			 int prefix);
const char *scan_mac(struct scanning *scanning, const struct nlattr *attr);
/* A zeroed new element of a list; NULL when it would have more than max, or without memory. */
void *scan_append(struct scanning *scanning, struct json_objs *list, size_t size, size_t max);

#endif
