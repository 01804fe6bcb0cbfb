#include "agent/guest/net.h"

#include <dirent.h>
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "agent/guest/fail.h"
#include "agent/guest/modules.h"
#include "agent/guest/netaddr.h"
#include "agent/guest/netlink.h"
#include "base/cleanup.h"
#include "base/fs.h"

enum { LINK_STEP_MS = 20, LINK_WAIT_MS = 5000, SYSFS_VALUE_MAX = 64 };

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

static bool is_set(const char *text)
{
	return text && *text;
}

static bool has_mac(int class_fd, const char *name, const uint8_t *mac)
{
	auto_strbuf struct strbuf text = { 0 };
	char path[IFNAMSIZ + sizeof("/address")];
	uint8_t found[6];

	if (snprintf(path, sizeof(path), "%s/address", name) >= (int)sizeof(path) ||
	    fs_read_file_at(class_fd, path, &text, SYSFS_VALUE_MAX) < 0 || !text.data)
		return false;
	text.data[strcspn(text.data, "\n")] = '\0';
	return netaddr_parse_mac(text.data, found) == 0 && memcmp(found, mac, sizeof(found)) == 0;
}

/* Index of the interface with that MAC address; 0 when there is none. */
static unsigned find_by_mac(const uint8_t *mac)
{
	auto_dir DIR *dir = opendir("/sys/class/net");
	struct dirent *entry;

	while (dir && (entry = readdir(dir)))
		if (entry->d_name[0] != '.' && has_mac(dirfd(dir), entry->d_name, mac))
			return if_nametoindex(entry->d_name);
	return 0;
}

/* Its driver may still be loading. */
static int find_link(const struct call_interface *interface, struct error *err)
{
	bool by_mac = is_set(interface->mac_addr);
	const char *name = is_set(interface->device) ? interface->device
						     : interface->new_device_name;
	uint8_t mac[6];

	if (by_mac && netaddr_parse_mac(interface->mac_addr, mac) < 0)
		return err_msg(err, -EINVAL, "mac address \"%s\" is not valid",
			       interface->mac_addr);
	if (!by_mac && !is_set(name))
		return err_msg(err, -EINVAL, "an interface has neither macAddr nor device");
	/* a machine without a network has no use for it, so it is not loaded before */
	(void)!modules_load("virtio_net");
	for (int waited = 0; waited <= LINK_WAIT_MS; waited += LINK_STEP_MS) {
		unsigned index = by_mac ? find_by_mac(mac) : if_nametoindex(name);

		if (index > 0)
			return (int)index;
		(void)poll(NULL, 0, LINK_STEP_MS);
	}
	return err_msg(err, -ENODEV, "no interface %s \"%s\" has appeared in the guest within %d s",
		       by_mac ? "with the mac address" : "called",
		       by_mac ? interface->mac_addr : name, LINK_WAIT_MS / 1000);
}

static int set_up(int fd, int index, bool up)
{
	struct ifinfomsg info = { .ifi_index = index,
				  .ifi_change = IFF_UP,
				  .ifi_flags = up ? IFF_UP : 0 };
	struct netlink_request request;

	netlink_begin(&request, RTM_NEWLINK, 0, &info, sizeof(info));
	return netlink_send(fd, &request);
}

static int set_name(int fd, int index, const char *name)
{
	struct ifinfomsg info = { .ifi_index = index };
	struct netlink_request request;
	int ret = set_up(fd, index, false);

	if (ret < 0)
		return ret;
	netlink_begin(&request, RTM_NEWLINK, 0, &info, sizeof(info));
	netlink_put(&request, IFLA_IFNAME, name, strlen(name) + 1);
	return netlink_send(fd, &request);
}

static int rename_link(int fd, int index, const char *name, struct error *err)
{
	unsigned holder;
	int ret = 0;

	if (!is_set(name))
		return 0;
	if (strlen(name) >= IFNAMSIZ)
		return err_msg(err, -EINVAL, "interface name \"%s\" is too long", name);
	holder = if_nametoindex(name);
	if (holder == (unsigned)index)
		return 0;
	if (holder > 0) {
		/* its turn to get its own name comes, or it has none */
		char spare[IFNAMSIZ];

		(void)snprintf(spare, sizeof(spare), "spare%u", holder);
		ret = set_name(fd, (int)holder, spare);
	}
	if (ret == 0)
		ret = set_name(fd, index, name);
	return ret < 0 ? fail_set(err, ret, "rename an interface to \"%s\"", name) : 0;
}

static int set_mtu(int fd, int index, int32_t mtu, struct error *err)
{
	struct ifinfomsg info = { .ifi_index = index };
	struct netlink_request request;
	int ret;

	if (mtu <= 0)
		return 0;
	netlink_begin(&request, RTM_NEWLINK, 0, &info, sizeof(info));
	netlink_put_u32(&request, IFLA_MTU, (uint32_t)mtu);
	ret = netlink_send(fd, &request);
	return ret < 0 ? fail_set(err, ret, "set the mtu of an interface to %d", mtu) : 0;
}

/* Only IPv4 has one, and only in networks that have room for it. */
static void put_broadcast(struct netlink_request *request, const struct netaddr *address)
{
	uint8_t bytes[4];

	if (address->family != AF_INET || address->prefix > 30)
		return;
	memcpy(bytes, address->bytes, sizeof(bytes));
	for (unsigned bit = address->prefix; bit < 32; bit++)
		bytes[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
	netlink_put(request, IFA_BROADCAST, bytes, sizeof(bytes));
}

static int add_address(int fd, int index, const struct call_ip_address *row, struct error *err)
{
	struct ifaddrmsg info = { .ifa_index = (unsigned)index };
	struct netlink_request request;
	struct netaddr address;
	int ret;

	if (!row->ip_address || netaddr_parse(row->ip_address, row->netmask, &address) < 0)
		return err_msg(err, -EINVAL, "ip address \"%s\" with netmask \"%s\" is not valid",
			       row->ip_address ? row->ip_address : "",
			       row->netmask ? row->netmask : "");
	info.ifa_family = (uint8_t)address.family;
	info.ifa_prefixlen = address.prefix;
	netlink_begin(&request, RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, &info, sizeof(info));
	netlink_put(&request, IFA_LOCAL, address.bytes, address.len);
	netlink_put(&request, IFA_ADDRESS, address.bytes, address.len);
	put_broadcast(&request, &address);
	/* the host has had this address: it is nobody else's, and must work at once */
	if (address.family == AF_INET6)
		netlink_put_u32(&request, IFA_FLAGS, IFA_F_NODAD);
	ret = netlink_send(fd, &request);
	return ret < 0 ? fail_set(err, ret, "add the address %s", row->ip_address) : 0;
}

int net_set_interface(const struct call_interface *interface, struct error *err)
{
	const struct call_ip_address *addresses = interface->ip_addresses.items;
	auto_close int fd = netlink_open();
	int index;
	int ret;

	if (fd < 0)
		return fail_set(err, fd, "open a netlink socket");
	index = find_link(interface, err);
	if (index < 0)
		return index;
	ret = rename_link(fd, index, interface->new_device_name, err);
	if (ret == 0)
		ret = set_mtu(fd, index, interface->mtu, err);
	for (size_t i = 0; ret == 0 && i < interface->ip_addresses.len; i++)
		ret = add_address(fd, index, &addresses[i], err);
	if (ret < 0)
		return ret;
	ret = set_up(fd, index, true);
	return ret < 0 ? fail_set(err, ret, "bring an interface up") : 0;
}

/* What a route says, in numbers. A family of 0 stands for "not given". */
struct route {
	struct netaddr dest;
	struct netaddr gateway;
	struct netaddr src;
	unsigned index;
};

static int parse_optional(const char *text, struct netaddr *out)
{
	*out = (struct netaddr){ 0 };
	return is_set(text) ? netaddr_parse(text, NULL, out) : 0;
}

static int parse_route(const struct call_route *row, struct route *route, struct error *err)
{
	const char *dest = row->dest && strcmp(row->dest, "default") != 0 ? row->dest : NULL;
	int family;

	if (parse_optional(dest, &route->dest) < 0 ||
	    parse_optional(row->gateway, &route->gateway) < 0 ||
	    parse_optional(row->src, &route->src) < 0)
		return err_msg(err, -EINVAL,
			       "route to \"%s\" via \"%s\" from \"%s\": an address is not valid",
			       dest ? dest : "default", row->gateway ? row->gateway : "",
			       row->src ? row->src : "");
	family = route->dest.family ? route->dest.family : route->gateway.family;
	family = family ? family : route->src.family;
	route->dest.family = family ? family : AF_INET;
	route->index = is_set(row->device) ? if_nametoindex(row->device) : 0;
	if (is_set(row->device) && route->index == 0)
		return fail_set(err, -errno, "route to \"%s\": device \"%s\"",
				dest ? dest : "default", row->device);
	return 0;
}

/* The kernel refuses a network with bits set behind its prefix. */
static void clear_host_bits(struct netaddr *network)
{
	for (size_t bit = network->prefix; bit < network->len * 8; bit++)
		network->bytes[bit / 8] &= (uint8_t) ~(0x80 >> bit % 8);
}

static int set_route(int fd, const struct call_route *row, struct error *err)
{
	struct route route;
	struct rtmsg info = { .rtm_table = RT_TABLE_MAIN,
			      .rtm_protocol = RTPROT_BOOT,
			      .rtm_type = RTN_UNICAST };
	struct netlink_request request;
	int ret = parse_route(row, &route, err);

	if (ret < 0)
		return ret;
	clear_host_bits(&route.dest);
	info.rtm_family = (uint8_t)route.dest.family;
	info.rtm_dst_len = route.dest.prefix;
	info.rtm_scope = route.gateway.family ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK;
	netlink_begin(&request, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, &info, sizeof(info));
	if (route.dest.len > 0 && route.dest.prefix > 0)
		netlink_put(&request, RTA_DST, route.dest.bytes, route.dest.len);
	if (route.gateway.family)
		netlink_put(&request, RTA_GATEWAY, route.gateway.bytes, route.gateway.len);
	if (route.src.family)
		netlink_put(&request, RTA_PREFSRC, route.src.bytes, route.src.len);
	if (route.index > 0)
		netlink_put_u32(&request, RTA_OIF, route.index);
	ret = netlink_send(fd, &request);
	return ret < 0 ? fail_set(err, ret, "add the route to \"%s\" via \"%s\" on \"%s\"",
				  is_set(row->dest) ? row->dest : "default",
				  row->gateway ? row->gateway : "", row->device ? row->device : "")
		       : 0;
}

int net_set_routes(const struct call_route *routes, size_t n, struct error *err)
{
	auto_close int fd = netlink_open();

	if (fd < 0)
		return fail_set(err, fd, "open a netlink socket");
	for (int with_gateway = 0; with_gateway < 2; with_gateway++)
		for (size_t i = 0; i < n; i++) {
			int ret;

			if (is_set(routes[i].gateway) != (with_gateway == 1))
				continue;
			ret = set_route(fd, &routes[i], err);
			if (ret < 0)
				return ret;
		}
	return 0;
}
