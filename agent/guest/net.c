#include "agent/guest/net.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "agent/guest/fail.h"
#include "agent/guest/net_link.h"
#include "agent/guest/net_update.h"
#include "agent/guest/netlink.h"
#include "base/cleanup.h"

enum { APPEAR_MS = 5000 };

int net_loopback_up(struct error *err)
{
	auto_close int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq req = { .ifr_name = "lo" };

	if (fd < 0 || ioctl(fd, SIOCGIFFLAGS, &req) < 0)
		return err_set(err, -errno, "bring 'lo' up");
	req.ifr_flags |= IFF_UP | IFF_RUNNING;
	if (ioctl(fd, SIOCSIFFLAGS, &req) < 0)
		return err_set(err, -errno, "bring 'lo' up");
	return 0;
}

static int add_address(int fd, int index, const struct call_ip_address *row, struct error *err)
{
	struct netaddr address;

	if (!row->ip_address || netaddr_parse(row->ip_address, row->netmask, &address) < 0)
		return err_msg(err, -EINVAL, "ip address \"%s\" with netmask \"%s\" is not valid",
			       row->ip_address ? row->ip_address : "",
			       row->netmask ? row->netmask : "");
	return net_add_address(fd, index, &address, NULL, RT_SCOPE_UNIVERSE, err);
}

int net_set_interface(const struct call_interface *interface, struct error *err)
{
	const struct call_ip_address *addresses = interface->ip_addresses.items;
	const char *device = interface->device;
	const struct net_link_query query = {
		.mac = interface->mac_addr,
		.name = device && *device ? device : interface->new_device_name,
	};
	auto_close int fd = netlink_open();
	int index;
	int ret;

	if (fd < 0)
		return fail_set(err, fd, "open a netlink socket");
	index = net_link_find(&query, APPEAR_MS, err);
	if (index < 0)
		return index;
	ret = net_link_rename(fd, index, interface->new_device_name, err);
	if (ret == 0 && interface->mtu > 0)
		ret = net_link_set_mtu(fd, index, (uint32_t)interface->mtu, err);
	for (size_t i = 0; ret == 0 && i < interface->ip_addresses.len; i++)
		ret = add_address(fd, index, &addresses[i], err);
	return ret < 0 ? ret : net_link_set_up(fd, index, true, err);
}

int net_set_routes(const struct call_route *routes, size_t n, struct error *err)
{
	auto_free struct call_net_route *rows = calloc(n + 1, sizeof(*rows));
	struct call_update_routes call = { .routes = { .items = rows, .len = n } };

	if (!rows)
		return fail_set(err, -ENOMEM, "add routes");
	for (size_t i = 0; i < n; i++)
		rows[i] = (struct call_net_route){ .dest = routes[i].dest,
						   .gateway = routes[i].gateway,
						   .device = routes[i].device,
						   .src = routes[i].src };
	return net_update_routes(&call, err);
}
