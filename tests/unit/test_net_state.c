/* A sandbox's network as its state keeps it, and what a guest is told about it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <errno.h>

#include "base/strbuf.h"
#include "runtime/net/network.h"

static const struct net_endpoint endpoints[] = {
	{ "eth0", "veth", 2, "02:11:00:00:00:01", "tcfilter", "tapacrun2", true, true },
	{ "tap0", "macvtap", 5, "02:11:00:00:00:02", "", "tap0", false },
};

static struct net_state example(void)
{
	return (struct net_state){
		.path = "/run/netns/x",
		.device = 4,
		.inode = UINT64_C(4026532281),
		.model = "tcfilter",
		.room = 4,
		.endpoints = { (void *)endpoints, 2 },
	};
}

static void test_round_trip(void **state)
{
	auto_arena struct arena arena = { 0 };
	auto_strbuf struct strbuf first = { 0 };
	auto_strbuf struct strbuf second = { 0 };
	struct net_state in = example(), out;
	struct error err;

	(void)state;
	assert_int_equal(json_encode(&net_state_type, &in, 0, &first), 0);
	assert_int_equal(
		json_decode(&net_state_type, first.data, first.len, NULL, &arena, &out, &err), 0);
	assert_int_equal(json_encode(&net_state_type, &out, 0, &second), 0);
	assert_string_equal(first.data, second.data);
	assert_string_equal(network_find(&out, 5)->name, "tap0");
	assert_true(network_find(&out, 2)->own_ingress);
	assert_true(network_find(&out, 2)->by_name);
	assert_null(network_find(&out, 3));
}

static void test_next_endpoint(void **state)
{
	auto_arena struct arena arena = { 0 };
	struct net_state net = example();
	struct net_endpoint *next = network_next_endpoint(&net, &arena);

	(void)state;
	assert_non_null(next);
	assert_int_equal(net.endpoints.len, 2);
	next->index = 9;
	net.endpoints.len++;
	assert_ptr_equal(network_find(&net, 9), next);
	assert_string_equal(network_find(&net, 2)->name, "eth0");
}

static void test_is_macvtap(void **state)
{
	const struct net_endpoint over = { .kind = "veth", .model = "macvtap" };

	(void)state;
	assert_false(endpoint_is_macvtap(&endpoints[0]));
	assert_true(endpoint_is_macvtap(&endpoints[1]));
	assert_true(endpoint_is_macvtap(&over));
}

/* A namespace that is gone, or another one under its path. */
static void test_open_other(void **state)
{
	struct net_state net = example();
	const int64_t pids[] = { 0, 1 };

	(void)state;
	net.path = "/proc/self/ns/net";
	net.inode = 1;
	assert_int_equal(network_open(&net, pids, 2), -ENOENT);
	net.path = NULL;
	assert_int_equal(network_open(&net, NULL, 0), -ENOENT);
}

static struct net_scan found(struct call_net_address *addresses, size_t n_addresses,
			     struct call_net_route *routes, size_t n_routes, struct net_link *link)
{
	*link = (struct net_link){ .index = 2,
				   .name = "eth0",
				   .kind = "veth",
				   .mac = "02:11:00:00:00:01",
				   .mtu = 1400,
				   .up = true,
				   .addresses = { addresses, n_addresses } };
	return (struct net_scan){ .links = link, .n_links = 1, .routes = { routes, n_routes } };
}

static void test_news(void **state)
{
	struct call_net_address addresses[] = { { .address = "10.0.0.2/24" },
						{ .address = "fd00::2/64" } };
	struct call_net_route routes[] = { { .dest = "10.1.0.0/16", .device = "eth0" } };
	struct net_link link;
	struct net_scan scan = found(addresses, 2, routes, 1, &link);
	auto_arena struct arena arena = { 0 };
	struct net_state net = example();
	struct network_news news, later;
	struct error err;

	(void)state;
	assert_int_equal(network_news(&net, &scan, &arena, &news, &err), 0);
	assert_int_equal(news.n_interfaces, 1);
	assert_string_equal(news.interfaces[0].mac, "02:11:00:00:00:01");
	assert_string_equal(news.interfaces[0].name, "eth0");
	assert_null(news.interfaces[0].new_mac);
	assert_int_equal(news.interfaces[0].mtu, 1400);
	assert_int_equal(news.interfaces[0].addresses.len, 2);
	assert_int_equal(network_news(&net, &scan, &arena, &later, &err), 0);
	assert_string_equal(news.hash, later.hash);
	/* Any difference is news; a MAC that changed is found by the one that the guest has. */
	link.mac = "02:11:00:00:00:09";
	assert_int_equal(network_news(&net, &scan, &arena, &later, &err), 0);
	assert_string_not_equal(news.hash, later.hash);
	assert_string_equal(later.interfaces[0].mac, "02:11:00:00:00:01");
	assert_string_equal(later.interfaces[0].new_mac, "02:11:00:00:00:09");
	/* An interface without an endpoint is not the guest's. */
	link.index = 3;
	assert_int_equal(network_news(&net, &scan, &arena, &later, &err), 0);
	assert_int_equal(later.n_interfaces, 0);
}

static void test_startpod(void **state)
{
	struct call_net_address addresses[] = { { .address = "fd00::2/64" },
						{ .address = "10.0.0.2/24" } };
	struct call_net_route routes[] = {
		{ .dest = "::/0", .gateway = "fd00::1", .device = "eth0" },
		{ .dest = "default", .gateway = "10.0.0.1", .device = "eth0" },
	};
	struct net_link link;
	struct net_scan scan = found(addresses, 2, routes, 2, &link);
	auto_arena struct arena arena = { 0 };
	struct net_state net = example();
	struct call_startpod pod = { .hostname = "h" };
	const struct call_interface *interface;
	const struct call_ip_address *address;
	struct network_news news;
	struct error err;

	(void)state;
	assert_int_equal(network_news(&net, &scan, &arena, &news, &err), 0);
	assert_int_equal(network_fill_startpod(&news, &arena, &pod, &err), 0);
	assert_int_equal(pod.interfaces.len, 1);
	interface = pod.interfaces.items;
	assert_string_equal(interface->new_device_name, "eth0");
	assert_string_equal(interface->mac_addr, "02:11:00:00:00:01");
	assert_int_equal(interface->mtu, 1400);
	assert_int_equal(interface->ip_addresses.len, 1);
	address = interface->ip_addresses.items;
	assert_string_equal(address->ip_address, "10.0.0.2");
	assert_string_equal(address->netmask, "24");
	assert_int_equal(pod.routes.len, 1);
	assert_string_equal(((const struct call_route *)pod.routes.items)->gateway, "10.0.0.1");
	assert_string_equal(pod.hostname, "h");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip), cmocka_unit_test(test_next_endpoint),
		cmocka_unit_test(test_is_macvtap), cmocka_unit_test(test_open_other),
		cmocka_unit_test(test_news),	   cmocka_unit_test(test_startpod),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
