/* Routes of the main table. */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "agent/guest/fail.h"
#include "agent/guest/net_update.h"
#include "agent/guest/netlink.h"
#include "base/cleanup.h"

enum { STALE_MAX = 256, DEFAULT_METRIC_V6 = 1024 };

/* What a route says, in numbers. A family of 0 stands for "not given". */
struct route {
	struct netaddr dest;
	struct netaddr gateway;
	struct netaddr src;
	unsigned index; /* 0: the kernel's choice */
	uint32_t metric;
};

static bool is_set(const char *text)
{
	return text && *text;
}

static const char *dest_text(const struct call_net_route *row)
{
	return is_set(row->dest) ? row->dest : "default";
}

static int parse_optional(const char *text, struct netaddr *out)
{
	*out = (struct netaddr){ 0 };
	return is_set(text) ? netaddr_parse(text, NULL, out) : 0;
}

/* The kernel refuses a network with bits set behind its prefix. */
static void clear_host_bits(struct netaddr *network)
{
	for (size_t bit = network->prefix; bit < network->len * 8; bit++)
		network->bytes[bit / 8] &= (uint8_t) ~(0x80 >> bit % 8);
}

static bool fits(const struct opt_u32 *number)
{
	return !number->set || number->value <= UINT8_MAX;
}

static int parse_route(const struct call_net_route *row, struct route *route, struct error *err)
{
	const char *dest = strcmp(dest_text(row), "default") != 0 ? row->dest : NULL;
	int family;

	if (parse_optional(dest, &route->dest) < 0 ||
	    parse_optional(row->gateway, &route->gateway) < 0 ||
	    parse_optional(row->src, &route->src) < 0)
		return err_msg(err, -EINVAL,
			       "route to \"%s\" via \"%s\" from \"%s\": an address is not valid",
			       dest_text(row), row->gateway ? row->gateway : "",
			       row->src ? row->src : "");
	if (!fits(&row->scope) || !fits(&row->type) || !fits(&row->protocol))
		return err_msg(err, -EINVAL, "route to \"%s\": a number is out of range",
			       dest_text(row));
	family = route->dest.family ? route->dest.family : route->gateway.family;
	family = family ? family : route->src.family;
	route->dest.family = family ? family : AF_INET;
	clear_host_bits(&route->dest);
	route->metric = row->metric;
	route->index = is_set(row->device) ? if_nametoindex(row->device) : 0;
	if (is_set(row->device) && route->index == 0)
		return fail_set(err, -errno, "route to \"%s\": device \"%s\"", dest_text(row),
				row->device);
	return 0;
}

static void put_gateway(struct netlink_request *request, const struct route *route)
{
	/* struct rtvia: the family, and as many bytes as its addresses have */
	uint16_t family = (uint16_t)route->gateway.family;
	uint8_t via[sizeof(family) + sizeof(route->gateway.bytes)];

	if (!route->gateway.family)
		return;
	if (route->gateway.family == route->dest.family) {
		netlink_put(request, RTA_GATEWAY, route->gateway.bytes, route->gateway.len);
		return;
	}
	/* IPv4 by way of a neighbour that is known by its IPv6 address */
	memcpy(via, &family, sizeof(family));
	memcpy(via + sizeof(family), route->gateway.bytes, sizeof(route->gateway.bytes));
	netlink_put(request, RTA_VIA, via, sizeof(family) + route->gateway.len);
}

static void put_mtu(struct netlink_request *request, uint32_t mtu)
{
	struct {
		struct rtattr header;
		uint32_t value;
	} metrics = { { .rta_len = RTA_LENGTH(sizeof(mtu)), .rta_type = RTAX_MTU }, mtu };

	if (mtu > 0)
		netlink_put(request, RTA_METRICS, &metrics, sizeof(metrics));
}

static int set_route(int fd, const struct call_net_route *row, struct error *err)
{
	struct route route;
	struct rtmsg info = { .rtm_table = RT_TABLE_MAIN,
			      .rtm_protocol = RTPROT_BOOT,
			      .rtm_type = RTN_UNICAST };
	struct netlink_request request;
	int ret = parse_route(row, &route, err);

	if (ret < 0)
		return ret;
	info.rtm_family = (uint8_t)route.dest.family;
	info.rtm_dst_len = route.dest.prefix;
	info.rtm_scope = route.gateway.family ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK;
	if (row->scope.set)
		info.rtm_scope = (uint8_t)row->scope.value;
	if (row->type.set)
		info.rtm_type = (uint8_t)row->type.value;
	if (row->protocol.set)
		info.rtm_protocol = (uint8_t)row->protocol.value;
	info.rtm_flags = row->onlink ? RTNH_F_ONLINK : 0;
	netlink_begin(&request, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, &info, sizeof(info));
	if (route.dest.len > 0 && route.dest.prefix > 0)
		netlink_put(&request, RTA_DST, route.dest.bytes, route.dest.len);
	put_gateway(&request, &route);
	if (route.src.family)
		netlink_put(&request, RTA_PREFSRC, route.src.bytes, route.src.len);
	if (route.index > 0)
		netlink_put_u32(&request, RTA_OIF, route.index);
	if (route.metric > 0)
		netlink_put_u32(&request, RTA_PRIORITY, route.metric);
	put_mtu(&request, row->mtu);
	ret = netlink_send(fd, &request);
	return ret < 0 ? fail_set(err, ret, "add the route to \"%s\" via \"%s\" on \"%s\"",
				  dest_text(row), row->gateway ? row->gateway : "",
				  row->device ? row->device : "")
		       : 0;
}

/* Routes that nobody asked for. */
struct stale {
	const struct route *wanted;
	size_t n_wanted;
	size_t n;
	struct rtmsg info[STALE_MAX];
	struct route routes[STALE_MAX];
};

static void take_address(const struct nlmsghdr *header, uint16_t type, int family,
			 struct netaddr *out)
{
	struct netlink_attr attr;

	netlink_find(header, sizeof(struct rtmsg), type, &attr);
	if (!attr.data || attr.len > sizeof(out->bytes))
		return;
	memcpy(out->bytes, attr.data, attr.len);
	out->len = attr.len;
	out->family = family;
}

static uint32_t take_u32(const struct nlmsghdr *header, uint16_t type)
{
	struct netlink_attr attr;
	uint32_t value = 0;

	netlink_find(header, sizeof(struct rtmsg), type, &attr);
	if (attr.data && attr.len == sizeof(value))
		memcpy(&value, attr.data, sizeof(value));
	return value;
}

static bool is_same(const struct route *wanted, const struct route *found)
{
	uint32_t metric = wanted->metric;

	if (metric == 0 && wanted->dest.family == AF_INET6)
		metric = DEFAULT_METRIC_V6;
	return wanted->dest.family == found->dest.family &&
	       wanted->dest.prefix == found->dest.prefix && metric == found->metric &&
	       !memcmp(wanted->dest.bytes, found->dest.bytes, sizeof(found->dest.bytes)) &&
	       (wanted->index == 0 || wanted->index == found->index) &&
	       (wanted->gateway.family != found->dest.family ||
		!memcmp(wanted->gateway.bytes, found->gateway.bytes, wanted->gateway.len));
}

static void on_route(void *arg, const struct nlmsghdr *header)
{
	struct stale *stale = arg;
	const struct rtmsg *info = NLMSG_DATA(header);
	struct route route = { 0 };

	if (header->nlmsg_type != RTM_NEWROUTE || header->nlmsg_len < NLMSG_LENGTH(sizeof(*info)) ||
	    info->rtm_table != RT_TABLE_MAIN || info->rtm_protocol == RTPROT_KERNEL ||
	    (info->rtm_flags & RTM_F_CLONED) || stale->n >= STALE_MAX)
		return;
	take_address(header, RTA_DST, info->rtm_family, &route.dest);
	take_address(header, RTA_GATEWAY, info->rtm_family, &route.gateway);
	route.dest.family = info->rtm_family;
	route.dest.prefix = info->rtm_dst_len;
	route.index = take_u32(header, RTA_OIF);
	route.metric = take_u32(header, RTA_PRIORITY);
	for (size_t i = 0; i < stale->n_wanted; i++)
		if (is_same(&stale->wanted[i], &route))
			return;
	stale->info[stale->n] = *info;
	stale->routes[stale->n++] = route;
}

static int remove_route(int fd, const struct rtmsg *info, const struct route *route)
{
	struct netlink_request request;
	int ret;

	netlink_begin(&request, RTM_DELROUTE, 0, info, sizeof(*info));
	if (route->dest.len > 0)
		netlink_put(&request, RTA_DST, route->dest.bytes, route->dest.len);
	if (route->gateway.family)
		netlink_put(&request, RTA_GATEWAY, route->gateway.bytes, route->gateway.len);
	if (route->index > 0)
		netlink_put_u32(&request, RTA_OIF, route->index);
	if (route->metric > 0)
		netlink_put_u32(&request, RTA_PRIORITY, route->metric);
	ret = netlink_send(fd, &request);
	return ret == -ESRCH ? 0 : ret;
}

static int remove_others(int fd, const struct route *wanted, size_t n, struct error *err)
{
	auto_free struct stale *stale = calloc(1, sizeof(*stale));
	struct rtmsg all = { .rtm_family = AF_UNSPEC };
	int ret;

	if (!stale)
		return fail_set(err, -ENOMEM, "remove the other routes");
	stale->wanted = wanted;
	stale->n_wanted = n;
	ret = netlink_dump(RTM_GETROUTE, &all, sizeof(all), on_route, stale);
	for (size_t i = 0; ret == 0 && i < stale->n; i++)
		ret = remove_route(fd, &stale->info[i], &stale->routes[i]);
	return ret < 0 ? fail_set(err, ret, "remove the other routes") : 0;
}

/* What is asked for comes first, so that there is never a moment without a way. */
static int make_exact(int fd, const struct call_update_routes *call, struct error *err)
{
	const struct call_net_route *rows = call->routes.items;
	auto_free struct route *wanted = calloc(call->routes.len + 1, sizeof(*wanted));
	int ret = wanted ? 0 : fail_set(err, -ENOMEM, "remove the other routes");

	for (size_t i = 0; ret == 0 && i < call->routes.len; i++)
		ret = parse_route(&rows[i], &wanted[i], err);
	return ret < 0 ? ret : remove_others(fd, wanted, call->routes.len, err);
}

int net_update_routes(const struct call_update_routes *call, struct error *err)
{
	const struct call_net_route *rows = call->routes.items;
	auto_close int fd = netlink_open();
	int ret = 0;

	if (fd < 0)
		return fail_set(err, fd, "open a netlink socket");
	for (int with_gateway = 0; with_gateway < 2; with_gateway++)
		for (size_t i = 0; ret == 0 && i < call->routes.len; i++)
			if (is_set(rows[i].gateway) == (with_gateway == 1))
				ret = set_route(fd, &rows[i], err);
	return ret == 0 && call->exact ? make_exact(fd, call, err) : ret;
}
