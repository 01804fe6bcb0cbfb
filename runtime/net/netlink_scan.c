/* Interfaces and their addresses, as the kernel lists them. Routes and neighbours:
 * netlink_routes.c. */
#include "runtime/net/netlink_scan.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>

const char *scan_text(struct scanning *scanning, const struct nlattr *attr)
{
	if (!attr || mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) < 0)
		return NULL;
	return arena_strdup(scanning->arena, mnl_attr_get_str(attr));
}

const char *scan_address(struct scanning *scanning, int family, const struct nlattr *attr,
			 int prefix)
{
	const size_t len = family == AF_INET ? sizeof(struct in_addr) : sizeof(struct in6_addr);
	char text[INET6_ADDRSTRLEN];

	if (!attr || mnl_attr_get_payload_len(attr) != len ||
	    !inet_ntop(family, mnl_attr_get_payload(attr), text, sizeof(text)))
		return NULL;
	return prefix < 0 ? arena_strdup(scanning->arena, text)
			  : arena_printf(scanning->arena, "%s/%d", text, prefix);
}

const char *scan_mac(struct scanning *scanning, const struct nlattr *attr)
{
	const uint8_t *b;

	if (!attr || mnl_attr_get_payload_len(attr) != NET_MAC_LEN)
		return NULL;
	b = mnl_attr_get_payload(attr);
	return arena_printf(scanning->arena, "%02x:%02x:%02x:%02x:%02x:%02x", b[0], b[1], b[2],
			    b[3], b[4], b[5]);
}

void *scan_append(struct scanning *scanning, struct json_objs *list, size_t size, size_t max)
{
	/* Grown by doubling; the arena keeps the old ones until it goes. */
	if (list->len >= max)
		return NULL;
	if ((list->len & (list->len - 1)) == 0) {
		size_t room = list->len ? list->len * 2 : 1;
		void *items = arena_calloc(scanning->arena, room, size);

		if (!items)
			return NULL;
		if (list->len)
			memcpy(items, list->items, list->len * size);
		list->items = items;
	}
	return (char *)list->items + list->len++ * size;
}

struct attr_table {
	const struct nlattr **attrs;
	unsigned max;
};

static int take_attr(const struct nlattr *attr, void *arg)
{
	struct attr_table *table = arg;
	unsigned type = mnl_attr_get_type(attr);

	if (type <= table->max)
		table->attrs[type] = attr;
	return MNL_CB_OK;
}

void scan_attrs(const struct nlmsghdr *message, size_t fixed, const struct nlattr **attrs,
		unsigned max)
{
	struct attr_table table = { attrs, max };

	memset(attrs, 0, (max + 1) * sizeof(*attrs));
	(void)!mnl_attr_parse(message, (unsigned)fixed, take_attr, &table);
}

static const char *kind_of(struct scanning *scanning, const struct nlattr *info)
{
	const struct nlattr *attrs[IFLA_INFO_MAX + 1] = { 0 };
	struct attr_table table = { attrs, IFLA_INFO_MAX };

	if (!info || mnl_attr_parse_nested(info, take_attr, &table) < 0)
		return NULL;
	return scan_text(scanning, attrs[IFLA_INFO_KIND]);
}

static int take_link(const struct nlmsghdr *message, void *arg)
{
	const struct ifinfomsg *info = mnl_nlmsg_get_payload(message);
	const struct nlattr *attrs[IFLA_MAX + 1];
	struct scanning *scanning = arg;
	struct net_link *link;
	const char *name;

	scan_attrs(message, sizeof(*info), attrs, IFLA_MAX);
	name = scan_text(scanning, attrs[IFLA_IFNAME]);
	if (!name || (info->ifi_flags & IFF_LOOPBACK) || info->ifi_index <= 0)
		return 0;
	if (scanning->skip && !strncmp(name, scanning->skip, strlen(scanning->skip)))
		return 0;
	link = scan_append(scanning, &scanning->links, sizeof(*link), NET_LINKS_MAX);
	if (!link)
		return -E2BIG;
	link->index = (unsigned)info->ifi_index;
	link->name = name;
	link->kind = kind_of(scanning, attrs[IFLA_LINKINFO]);
	link->type = info->ifi_type;
	link->mac = scan_mac(scanning, attrs[IFLA_ADDRESS]);
	link->mtu = attrs[IFLA_MTU] ? mnl_attr_get_u32(attrs[IFLA_MTU]) : 0;
	link->up = info->ifi_flags & IFF_UP;
	return 0;
}

static struct net_link *find_link(const struct scanning *scanning, unsigned index)
{
	struct net_link *links = scanning->links.items;

	for (size_t i = 0; i < scanning->links.len; i++)
		if (links[i].index == index)
			return &links[i];
	return NULL;
}

/* Addresses that are a guest's own business (privacy addresses that change by themselves), or no
 * good where they are. */
static bool is_unwanted(uint32_t flags)
{
	return flags & (IFA_F_TEMPORARY | IFA_F_DADFAILED);
}

/* Of a point-to-point link IFA_LOCAL is ours and IFA_ADDRESS the other end's; else they are equal,
 * or only the latter is there. */
static int take_address(const struct nlmsghdr *message, void *arg)
{
	const struct ifaddrmsg *info = mnl_nlmsg_get_payload(message);
	const struct nlattr *attrs[IFA_MAX + 1];
	struct scanning *scanning = arg;
	struct net_link *link = find_link(scanning, info->ifa_index);
	struct call_net_address *address;
	const struct nlattr *own;
	bool pair;

	if (!link || (info->ifa_family != AF_INET && info->ifa_family != AF_INET6))
		return 0;
	scan_attrs(message, sizeof(*info), attrs, IFA_MAX);
	own = attrs[IFA_LOCAL] ? attrs[IFA_LOCAL] : attrs[IFA_ADDRESS];
	if (!own || is_unwanted(attrs[IFA_FLAGS] ? mnl_attr_get_u32(attrs[IFA_FLAGS]) : 0))
		return 0;
	pair = attrs[IFA_LOCAL] && attrs[IFA_ADDRESS] &&
	       memcmp(mnl_attr_get_payload(attrs[IFA_LOCAL]),
		      mnl_attr_get_payload(attrs[IFA_ADDRESS]),
		      mnl_attr_get_payload_len(attrs[IFA_LOCAL])) != 0;
	address = scan_append(scanning, &link->addresses, sizeof(*address), NET_ADDRESSES_MAX);
	if (!address)
		return -E2BIG;
	address->address = scan_address(scanning, info->ifa_family, own, info->ifa_prefixlen);
	if (pair)
		address->peer = scan_address(scanning, info->ifa_family, attrs[IFA_ADDRESS], -1);
	address->scope = (struct opt_u32){ info->ifa_scope != RT_SCOPE_UNIVERSE, info->ifa_scope };
	return address->address ? 0 : -EBADMSG;
}

static int list_links(struct scanning *scanning)
{
	struct ifinfomsg info = { .ifi_family = AF_UNSPEC };
	union netlink_request request;

	scanning->links = (struct json_objs){ 0 };
	netlink_begin(&request, RTM_GETLINK, 0, &info, sizeof(info));
	return netlink_list(scanning->nl, &request, take_link, scanning);
}

static int list_addresses(struct scanning *scanning)
{
	struct net_link *links = scanning->links.items;
	struct ifaddrmsg info = { .ifa_family = AF_UNSPEC };
	union netlink_request request;

	for (size_t i = 0; i < scanning->links.len; i++)
		links[i].addresses = (struct json_objs){ 0 };
	netlink_begin(&request, RTM_GETADDR, 0, &info, sizeof(info));
	return netlink_list(scanning->nl, &request, take_address, scanning);
}

/* Whoever configures the namespace may be at it: a list that was changed while it was read is read
 * again, a few times. */
int scan_list(struct scanning *scanning, int (*list)(struct scanning *scanning), const char *what,
	      struct error *err)
{
	int ret = -EINTR;

	for (int tries = 0; ret == -EINTR && tries < SCAN_TRIES; tries++)
		ret = list(scanning);
	if (ret == -E2BIG)
		return err_msg(err, ret, "the network namespace has too many %s", what);
	return ret < 0 ? err_set(err, ret, "list the %s of the network namespace", what) : 0;
}

/* Those without an address go. */
static void keep_addressed(struct scanning *scanning, struct net_scan *scan)
{
	struct net_link *links = scanning->links.items;

	scan->links = links;
	for (size_t i = 0; i < scanning->links.len; i++)
		if (links[i].addresses.len > 0)
			links[scan->n_links++] = links[i];
}

const struct net_link *scan_find(const struct net_scan *scan, unsigned index)
{
	for (size_t i = 0; i < scan->n_links; i++)
		if (scan->links[i].index == index)
			return &scan->links[i];
	return NULL;
}

int scan_run(struct netlink *nl, const char *skip, struct arena *arena, struct net_scan *scan,
	     struct error *err)
{
	struct scanning scanning = { .nl = nl, .skip = skip, .arena = arena, .scan = scan };
	int ret = scan_list(&scanning, list_links, "interfaces", err);

	*scan = (struct net_scan){ 0 };
	if (ret < 0 || scanning.links.len == 0)
		return ret;
	ret = scan_list(&scanning, list_addresses, "addresses", err);
	if (ret < 0)
		return ret;
	keep_addressed(&scanning, scan);
	return scan->n_links == 0 ? 0 : scan_routes(&scanning, err);
}
