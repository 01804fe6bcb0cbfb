#include "agent/guest/netaddr.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <cmocka.h>

static void assert_prefix(const char *text, const char *netmask, int family, unsigned prefix)
{
	struct netaddr address;

	assert_int_equal(netaddr_parse(text, netmask, &address), 0);
	assert_int_equal(address.family, family);
	assert_int_equal(address.len, family == AF_INET ? 4 : 16);
	assert_int_equal(address.prefix, prefix);
}

static void test_addresses(void **state)
{
	struct netaddr address;

	(void)state;
	assert_prefix("10.1.2.3", NULL, AF_INET, 32);
	assert_prefix("10.1.2.3", "", AF_INET, 32);
	assert_prefix("10.1.2.3", "24", AF_INET, 24);
	assert_prefix("10.1.2.3", "255.255.0.0", AF_INET, 16);
	assert_prefix("10.1.2.3", "0.0.0.0", AF_INET, 0);
	assert_prefix("10.1.2.3", "255.255.255.255", AF_INET, 32);
	assert_prefix("10.1.2.3/8", "24", AF_INET, 8);
	assert_prefix("fd00::1", NULL, AF_INET6, 128);
	assert_prefix("fd00::1/64", NULL, AF_INET6, 64);
	assert_prefix("fd00::1", "64", AF_INET6, 64);
	assert_int_equal(netaddr_parse("10.1.2.3", NULL, &address), 0);
	assert_memory_equal(address.bytes, "\x0a\x01\x02\x03", 4);
}

static void test_no_addresses(void **state)
{
	static const char *const rows[][2] = {
		{ "", NULL },
		{ "10.1.2", NULL },
		{ "10.1.2.3/33", NULL },
		{ "10.1.2.3/", NULL },
		{ "10.1.2.3/-1", NULL },
		{ "10.1.2.3", "255.0.255.0" },
		{ "fd00::1", "255.255.0.0" },
		{ "fd00::1/129", NULL },
		{ "eth0", "24" },
		{ "0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000", NULL },
	};
	struct netaddr address;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(netaddr_parse(rows[i][0], rows[i][1], &address), -EINVAL);
}

static void test_mac_addresses(void **state)
{
	uint8_t mac[6];

	(void)state;
	assert_int_equal(netaddr_parse_mac("02:42:aC:11:00:fE", mac), 0);
	assert_memory_equal(mac, "\x02\x42\xac\x11\x00\xfe", 6);
	assert_int_equal(netaddr_parse_mac("02:42:ac:11:00:0g", mac), -EINVAL);
	assert_int_equal(netaddr_parse_mac("02-42-ac-11-00-02", mac), -EINVAL);
	assert_int_equal(netaddr_parse_mac("02:42:ac:11:00", mac), -EINVAL);
	assert_int_equal(netaddr_parse_mac("02:42:ac:11:00:022", mac), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_no_addresses),
		cmocka_unit_test(test_mac_addresses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
