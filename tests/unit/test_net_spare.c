/* Which spare interface an interface gets, and how the state keeps them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/strbuf.h"
#include "runtime/net/network.h"

static const struct net_spare spares[] = {
	{ "tapacruns0", "02:00:00:00:00:01" },
	{ "tapacruns1", "02:00:00:00:00:02" },
};

static struct net_state example(void)
{
	return (struct net_state){
		.device = 4,
		.inode = 5,
		.model = "tcfilter",
		.spares = { (void *)spares, 2 },
	};
}

static void test_each_is_taken_once(void **state)
{
	struct net_endpoint endpoints[] = {
		{ "eth1", "veth", 3, "02:00:00:00:00:02", "tcfilter", "tapacruns1", true, true,
		  true },
		{ "eth0", "veth", 2, "02:00:00:00:00:01", "tcfilter", "tapacruns0", true, true,
		  true },
	};
	struct net_state net = example();

	(void)state;
	assert_string_equal(network_free_spare(&net)->device, "tapacruns0");
	net.endpoints = (struct json_objs){ endpoints, 1 };
	assert_string_equal(network_free_spare(&net)->device, "tapacruns0");
	net.endpoints.len = 2;
	assert_null(network_free_spare(&net));
	/* what did not come about is free again */
	net.endpoints.len = 0;
	assert_string_equal(network_free_spare(&net)->device, "tapacruns0");
	net.spares.len = 0;
	assert_null(network_free_spare(&net));
}

static void test_models(void **state)
{
	(void)state;
	assert_true(endpoint_may_be_spare("tcfilter"));
	assert_true(endpoint_may_be_spare("none"));
	assert_false(endpoint_may_be_spare("macvtap"));
	assert_false(endpoint_may_be_spare(""));
}

/* The guest is told the address that it knows the interface by, and its new one. */
static void test_news(void **state)
{
	struct net_endpoint ep = { "eth0",     "veth",	     2,	   "02:00:00:00:00:01",
				   "tcfilter", "tapacruns0", true, true,
				   true };
	struct net_link link = {
		.name = "eth0", .index = 2, .mac = "02:11:00:00:00:0b", .mtu = 1500
	};
	struct net_scan scan = { .links = &link, .n_links = 1 };
	auto_arena struct arena arena = { 0 };
	struct net_state net = example();
	struct network_news news;
	struct error err;

	(void)state;
	net.endpoints = (struct json_objs){ &ep, 1 };
	assert_int_equal(network_news(&net, &scan, &arena, &news, &err), 0);
	assert_int_equal(news.n_interfaces, 1);
	assert_string_equal(news.interfaces[0].mac, "02:00:00:00:00:01");
	assert_string_equal(news.interfaces[0].new_mac, "02:11:00:00:00:0b");
}

static void test_state(void **state)
{
	auto_arena struct arena arena = { 0 };
	auto_strbuf struct strbuf text = { 0 };
	struct net_state in = example(), out;
	struct error err;

	(void)state;
	assert_int_equal(json_encode(&net_state_type, &in, 0, &text), 0);
	assert_int_equal(
		json_decode(&net_state_type, text.data, text.len, NULL, &arena, &out, &err), 0);
	assert_int_equal(out.spares.len, 2);
	assert_string_equal(network_free_spare(&out)->mac, "02:00:00:00:00:01");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_is_taken_once),
		cmocka_unit_test(test_models),
		cmocka_unit_test(test_news),
		cmocka_unit_test(test_state),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
