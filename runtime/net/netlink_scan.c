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

static const char *kind_of(struct scanning *scanning, const struct nlattr *info)
{
	const struct nlattr *attrs[IFLA_INFO_MAX + 1] = { 0 };

	if (!info)
		return NULL;
	scan_nested(info, attrs, IFLA_INFO_MAX);
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
