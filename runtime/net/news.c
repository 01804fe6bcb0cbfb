/* What a guest is told about its network. */
#include <errno.h>
#include <inttypes.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>
#include "base/strbuf.h"
#include "runtime/net/network.h"

#define FNV_START UINT64_C(0xcbf29ce484222325)
#define FNV_PRIME UINT64_C(0x100000001b3)

/* Tells whether anything has changed, no more. */
static int hash_news(struct network_news *news)
{
	auto_strbuf struct strbuf text = { 0 };
	uint64_t h = FNV_START;
	int ret = 0;

	for (size_t i = 0; ret == 0 && i < news->n_interfaces; i++)
		ret = json_encode(&call_update_interface_type, &news->interfaces[i], 0, &text);
	if (ret == 0)
		ret = json_encode(&call_update_routes_type, &news->routes, 0, &text);
	if (ret == 0)
		ret = json_encode(&call_update_neighbours_type, &news->neighbours, 0, &text);
	for (size_t i = 0; i < text.len; i++)
		h = (h ^ (unsigned char)text.data[i]) * FNV_PRIME;
	(void)snprintf(news->hash, sizeof(news->hash), "%016" PRIx64, h);
	return ret;
}

int network_news(const struct net_state *state, const struct net_scan *scan, struct arena *arena,
		 struct network_news *news, struct error *err)
{
	int ret;

	*news = (struct network_news){
		.interfaces = arena_calloc(arena, scan->n_links, sizeof(*news->interfaces)),
		.routes = { .routes = scan->routes, .exact = true },
		.neighbours = { .neighbours = scan->neighbours },
	};
	if (!news->interfaces && scan->n_links > 0)
		return err_set(err, -ENOMEM, "describe the guest's network");
	for (size_t i = 0; i < scan->n_links; i++) {
		const struct net_link *link = &scan->links[i];
		const struct net_endpoint *ep = network_find(state, link->index);

		if (!ep)
			continue;
		news->interfaces[news->n_interfaces++] = (struct call_update_interface){
			.mac = ep->mac,
			.name = link->name,
			.new_mac = strcmp(ep->mac, link->mac) != 0 ? link->mac : NULL,
			.mtu = link->mtu,
			.addresses = link->addresses,
			.exact = true,
			.up = { true, link->up },
		};
	}
	ret = hash_news(news);
	return ret < 0 ? err_set(err, ret, "describe the guest's network") : 0;
}

static bool is_ipv4(const char *text)
{
	return text && !strchr(text, ':');
}

/* "10.0.0.2/24" in its two parts. */
static int fill_address(const char *text, struct arena *arena, struct call_ip_address *address)
{
	const char *slash = strchr(text, '/');

	address->ip_address = slash ? arena_strndup(arena, text, (size_t)(slash - text)) : text;
	address->netmask = slash ? slash + 1 : "32";
	return address->ip_address ? 0 : -ENOMEM;
}

static int fill_interface(const struct call_update_interface *from, struct arena *arena,
			  struct call_interface *to)
{
	const struct call_net_address *addresses = from->addresses.items;
	struct call_ip_address *ipv4 = arena_calloc(arena, from->addresses.len, sizeof(*ipv4));
	size_t n = 0;

	if (!ipv4)
		return -ENOMEM;
	for (size_t i = 0; i < from->addresses.len; i++)
		if (is_ipv4(addresses[i].address) &&
		    fill_address(addresses[i].address, arena, &ipv4[n++]) < 0)
			return -ENOMEM;
	*to = (struct call_interface){
		.new_device_name = from->name,
		.ip_addresses = { ipv4, n },
		.mtu = (int32_t)from->mtu,
		.mac_addr = from->mac,
	};
	return 0;
}

int network_fill_startpod(const struct network_news *news, struct arena *arena,
			  struct call_startpod *pod, struct error *err)
{
	const struct call_net_route *from = news->routes.routes.items;
	struct call_interface *interfaces =
		arena_calloc(arena, news->n_interfaces + 1, sizeof(*interfaces));
	struct call_route *routes =
		arena_calloc(arena, news->routes.routes.len + 1, sizeof(*routes));
	size_t n = 0;

	if (!interfaces || !routes)
		return err_set(err, -ENOMEM, "describe the guest's network");
	for (size_t i = 0; i < news->n_interfaces; i++)
		if (fill_interface(&news->interfaces[i], arena, &interfaces[i]) < 0)
			return err_set(err, -ENOMEM, "describe the guest's network");
	for (size_t i = 0; i < news->routes.routes.len; i++)
		if (is_ipv4(from[i].dest))
			routes[n++] = (struct call_route){ .dest = from[i].dest,
							   .gateway = from[i].gateway,
							   .device = from[i].device,
							   .src = from[i].src };
	pod->interfaces = (struct json_objs){ interfaces, news->n_interfaces };
	pod->routes = (struct json_objs){ routes, n };
	return 0;
}
