/* Routes and neighbours of the interfaces that were found. */
#include "runtime/net/netlink_scan.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include "base/log.h"

/* Where a route leads. */
struct hop {
	unsigned index; /* of the interface */
	const struct nlattr *gateway;
	unsigned flags; /* RTNH_F_* */
};

static uint32_t number(const struct nlattr *attr)
{
	return attr && mnl_attr_validate(attr, MNL_TYPE_U32) >= 0 ? mnl_attr_get_u32(attr) : 0;
}

/* The first next hop of a route that has several. */
static bool first_hop(const struct nlattr *multipath, struct hop *hop)
{
	const struct rtnexthop *first = mnl_attr_get_payload(multipath);
	size_t len = mnl_attr_get_payload_len(multipath);
	const char *payload = (const char *)first + sizeof(*first);
	const struct nlattr *attr;

	if (len < sizeof(*first) || first->rtnh_len < sizeof(*first) || first->rtnh_len > len)
		return false;
	*hop = (struct hop){ .index = (unsigned)first->rtnh_ifindex, .flags = first->rtnh_flags };
	mnl_attr_for_each_payload((const void *)payload,
				  first->rtnh_len - sizeof(*first)) if (mnl_attr_get_type(attr) ==
									RTA_GATEWAY)
		hop->gateway = attr;
	return true;
}

static bool is_wanted(const struct rtmsg *info, const struct nlattr **attrs)
{
	uint32_t table = attrs[RTA_TABLE] ? number(attrs[RTA_TABLE]) : info->rtm_table;

	return (info->rtm_family == AF_INET || info->rtm_family == AF_INET6) &&
	       table == RT_TABLE_MAIN && info->rtm_protocol != RTPROT_KERNEL &&
	       info->rtm_type == RTN_UNICAST && !(info->rtm_flags & RTM_F_CLONED);
}

static uint32_t route_mtu(const struct nlattr *metrics)
{
	const struct nlattr *attr;

	if (metrics)
		mnl_attr_for_each_nested(attr, metrics) if (mnl_attr_get_type(attr) ==
							    RTAX_MTU) return number(attr);
	return 0;
}

static int fill_route(struct scanning *scanning, const struct rtmsg *info,
		      const struct nlattr **attrs, const struct hop *hop,
		      struct call_net_route *route)
{
	const struct net_link *link = scan_find(scanning->scan, hop->index);
	int family = info->rtm_family;

	*route = (struct call_net_route){
		.dest = attrs[RTA_DST]
				? scan_address(scanning, family, attrs[RTA_DST], info->rtm_dst_len)
			: family == AF_INET ? "default"
					    : "::/0",
		.device = link->name,
		.scope = { true, info->rtm_scope },
		.protocol = { true, info->rtm_protocol },
		.metric = number(attrs[RTA_PRIORITY]),
		.mtu = route_mtu(attrs[RTA_METRICS]),
		.onlink = hop->flags & RTNH_F_ONLINK,
	};
	if (hop->gateway)
		route->gateway = scan_address(scanning, family, hop->gateway, -1);
	if (attrs[RTA_PREFSRC])
		route->src = scan_address(scanning, family, attrs[RTA_PREFSRC], -1);
	return route->dest && (!hop->gateway || route->gateway) ? 0 : -EBADMSG;
}

static int take_route(const struct nlmsghdr *message, void *arg)
{
	const struct rtmsg *info = mnl_nlmsg_get_payload(message);
	const struct nlattr *attrs[RTA_MAX + 1];
	struct scanning *scanning = arg;
	struct call_net_route route, *kept;
	struct hop hop;
	int ret;

	scan_attrs(message, sizeof(*info), attrs, RTA_MAX);
	if (!is_wanted(info, attrs))
		return 0;
	hop = (struct hop){ number(attrs[RTA_OIF]), attrs[RTA_GATEWAY], info->rtm_flags };
	if (attrs[RTA_MULTIPATH] && !first_hop(attrs[RTA_MULTIPATH], &hop))
		return -EBADMSG;
	if (!scan_find(scanning->scan, hop.index))
		return 0;
	ret = fill_route(scanning, info, attrs, &hop, &route);
	if (ret < 0)
		return ret;
	if (attrs[RTA_VIA] || attrs[RTA_ENCAP]) {
		log_warning("the route to '%s' on '%s' is left out: its next hop is of a kind that "
			    "is not carried into the guest",
			    route.dest, route.device);
		return 0;
	}
	if (attrs[RTA_MULTIPATH])
		log_warning(
			"the route to '%s' may have several next hops: the guest gets the first",
			route.dest);
	kept = scan_append(scanning, &scanning->scan->routes, sizeof(route), NET_ROUTES_MAX);
	if (!kept)
		return -E2BIG;
	*kept = route;
	return 0;
}

static int list_routes(struct scanning *scanning)
{
	struct rtmsg info = { .rtm_family = AF_UNSPEC };
	union netlink_request request;

	scanning->scan->routes = (struct json_objs){ 0 };
	netlink_begin(&request, RTM_GETROUTE, 0, &info, sizeof(info));
	return netlink_list(scanning->nl, &request, take_route, scanning);
}

static int take_neighbour(const struct nlmsghdr *message, void *arg)
{
	const struct ndmsg *info = mnl_nlmsg_get_payload(message);
	const struct nlattr *attrs[NDA_MAX + 1];
	struct scanning *scanning = arg;
	const struct net_link *link = scan_find(scanning->scan, (unsigned)info->ndm_ifindex);
	struct call_net_neighbour *neighbour;

	if (!link || !(info->ndm_state & NUD_PERMANENT) ||
	    (info->ndm_family != AF_INET && info->ndm_family != AF_INET6))
		return 0;
	scan_attrs(message, sizeof(*info), attrs, NDA_MAX);
	if (!attrs[NDA_DST] || !attrs[NDA_LLADDR])
		return 0;
	neighbour = scan_append(scanning, &scanning->scan->neighbours, sizeof(*neighbour),
				NET_NEIGHBOURS_MAX);
	if (!neighbour)
		return -E2BIG;
	*neighbour = (struct call_net_neighbour){
		.address = scan_address(scanning, info->ndm_family, attrs[NDA_DST], -1),
		.device = link->name,
		.lladdr = scan_mac(scanning, attrs[NDA_LLADDR]),
		.state = { true, NUD_PERMANENT },
		.flags = info->ndm_flags & NTF_ROUTER,
	};
	return neighbour->address && neighbour->lladdr ? 0 : -EBADMSG;
}

static int list_neighbours(struct scanning *scanning)
{
	struct ndmsg info = { .ndm_family = AF_UNSPEC };
	union netlink_request request;

	scanning->scan->neighbours = (struct json_objs){ 0 };
	netlink_begin(&request, RTM_GETNEIGH, 0, &info, sizeof(info));
	return netlink_list(scanning->nl, &request, take_neighbour, scanning);
}

/* A gateway must be reachable before a route goes by it. */
static void put_gateways_last(struct json_objs *routes, struct arena *arena)
{
	const struct call_net_route *from = routes->items;
	struct call_net_route *to = arena_calloc(arena, routes->len, sizeof(*to));
	size_t n = 0;

	if (!to)
		return;
	for (int with_gateway = 0; with_gateway < 2; with_gateway++)
		for (size_t i = 0; i < routes->len; i++)
			if ((from[i].gateway != NULL) == (with_gateway == 1))
				to[n++] = from[i];
	routes->items = to;
}

int scan_routes(struct scanning *scanning, struct error *err)
{
	int ret = scan_list(scanning, list_routes, "routes", err);

	if (ret == 0)
		ret = scan_list(scanning, list_neighbours, "neighbours", err);
	if (ret == 0 && scanning->scan->routes.len > 1)
		put_gateways_last(&scanning->scan->routes, scanning->arena);
	return ret;
}
