#include "agent/guest/net_update.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>

#include "agent/guest/fail.h"
#include "agent/guest/net_link.h"
#include "agent/guest/netlink.h"
#include "base/cleanup.h"

enum { APPEAR_MS = 5000, APPEAR_MAX_MS = 30000, STALE_MAX = 64 };

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

int net_add_address(int fd, int index, const struct netaddr *address, const struct netaddr *peer,
		    uint8_t scope, struct error *err)
{
	struct ifaddrmsg info = { .ifa_index = (unsigned)index,
				  .ifa_family = (uint8_t)address->family,
				  .ifa_prefixlen = address->prefix,
				  .ifa_scope = scope };
	struct netlink_request request;
	char text[NETADDR_TEXT_LEN];
	int ret;

	netlink_begin(&request, RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, &info, sizeof(info));
	netlink_put(&request, IFA_LOCAL, address->bytes, address->len);
	netlink_put(&request, IFA_ADDRESS, peer ? peer->bytes : address->bytes, address->len);
	if (!peer)
		put_broadcast(&request, address);
	/* the host has had this address: it is nobody else's, and must work at once */
	if (address->family == AF_INET6)
		netlink_put_u32(&request, IFA_FLAGS, IFA_F_NODAD);
	ret = netlink_send(fd, &request);
	netaddr_format(address, text);
	return ret < 0 ? fail_set(err, ret, "add the address %s", text) : 0;
}

static int add_row(int fd, int index, const struct call_net_address *row, struct error *err)
{
	struct netaddr address, peer;
	bool has_peer = row->peer && *row->peer;

	if (netaddr_parse(row->address, NULL, &address) < 0 ||
	    (has_peer && netaddr_parse(row->peer, NULL, &peer) < 0) ||
	    (has_peer && peer.family != address.family) ||
	    (row->scope.set && row->scope.value > UINT8_MAX))
		return err_msg(err, -EINVAL, "address \"%s\" with the peer \"%s\" is not valid",
			       row->address, has_peer ? row->peer : "");
	return net_add_address(fd, index, &address, has_peer ? &peer : NULL,
			       (uint8_t)(row->scope.set ? row->scope.value : RT_SCOPE_UNIVERSE),
			       err);
}

/* Addresses of an interface that nobody asked for. */
struct stale {
	const struct call_update_interface *call;
	int index;
	size_t n;
	struct ifaddrmsg info[STALE_MAX];
	struct netaddr address[STALE_MAX];
};

static bool is_wanted(const struct call_update_interface *call, const struct netaddr *address)
{
	const struct call_net_address *rows = call->addresses.items;

	for (size_t i = 0; i < call->addresses.len; i++) {
		struct netaddr row;

		if (netaddr_parse(rows[i].address, NULL, &row) == 0 &&
		    row.family == address->family && row.prefix == address->prefix &&
		    !memcmp(row.bytes, address->bytes, row.len))
			return true;
	}
	return false;
}

static void on_address(void *arg, const struct nlmsghdr *header)
{
	struct stale *stale = arg;
	const struct ifaddrmsg *info = NLMSG_DATA(header);
	struct netaddr address = { 0 };
	struct netlink_attr attr;

	if (header->nlmsg_type != RTM_NEWADDR || header->nlmsg_len < NLMSG_LENGTH(sizeof(*info)) ||
	    (int)info->ifa_index != stale->index || stale->n >= STALE_MAX)
		return;
	netlink_find(header, sizeof(*info), IFA_LOCAL, &attr);
	if (!attr.data)
		netlink_find(header, sizeof(*info), IFA_ADDRESS, &attr);
	if (!attr.data || attr.len > sizeof(address.bytes))
		return;
	memcpy(address.bytes, attr.data, attr.len);
	address.family = info->ifa_family;
	address.len = attr.len;
	address.prefix = info->ifa_prefixlen;
	/* the kernel's own */
	if (address.family == AF_INET6 && info->ifa_scope == RT_SCOPE_LINK)
		return;
	if (is_wanted(stale->call, &address))
		return;
	stale->info[stale->n] = *info;
	stale->address[stale->n++] = address;
}

static int remove_others(int fd, int index, const struct call_update_interface *call,
			 struct error *err)
{
	struct stale stale = { .call = call, .index = index };
	struct ifaddrmsg all = { .ifa_family = AF_UNSPEC };
	int ret = netlink_dump(RTM_GETADDR, &all, sizeof(all), on_address, &stale);

	for (size_t i = 0; ret == 0 && i < stale.n; i++) {
		struct netlink_request request;

		netlink_begin(&request, RTM_DELADDR, 0, &stale.info[i], sizeof(stale.info[i]));
		netlink_put(&request, IFA_LOCAL, stale.address[i].bytes, stale.address[i].len);
		ret = netlink_send(fd, &request);
		/* one goes with the network it was the second address of */
		if (ret == -EADDRNOTAVAIL)
			ret = 0;
	}
	return ret < 0 ? fail_set(err, ret, "remove the other addresses of an interface") : 0;
}

int net_update_interface(const struct call_update_interface *call, struct error *err)
{
	const struct call_net_address *addresses = call->addresses.items;
	const struct net_link_query query = { .mac = call->mac,
					      .pci_path = call->pci_path,
					      .name = call->device };
	uint32_t timeout_ms = call->timeout_ms > 0 ? call->timeout_ms : APPEAR_MS;
	auto_close int fd = netlink_open();
	int index;
	int ret;

	if (fd < 0)
		return fail_set(err, fd, "open a netlink socket");
	index = net_link_find(&query, timeout_ms < APPEAR_MAX_MS ? timeout_ms : APPEAR_MAX_MS, err);
	if (index < 0)
		return index;
	ret = net_link_rename(fd, index, call->name, err);
	if (ret == 0)
		ret = net_link_set_mac(fd, index, call->new_mac, err);
	if (ret == 0)
		ret = net_link_set_mtu(fd, index, call->mtu, err);
	if (ret == 0 && call->exact)
		ret = remove_others(fd, index, call, err);
	for (size_t i = 0; ret == 0 && i < call->addresses.len; i++)
		ret = add_row(fd, index, &addresses[i], err);
	return ret < 0 ? ret : net_link_set_up(fd, index, !call->up.set || call->up.value, err);
}

static int put_neighbour(int fd, const struct call_net_neighbour *row, struct error *err)
{
	struct ndmsg info = { .ndm_state = NUD_PERMANENT };
	struct netlink_request request;
	struct netaddr address;
	uint8_t mac[6];
	int ret;

	if (netaddr_parse(row->address, NULL, &address) < 0 ||
	    (row->lladdr && *row->lladdr && netaddr_parse_mac(row->lladdr, mac) < 0) ||
	    (row->state.set && row->state.value > UINT16_MAX) || row->flags > UINT8_MAX)
		return err_msg(err, -EINVAL, "neighbour \"%s\" at \"%s\" is not valid",
			       row->address, row->lladdr ? row->lladdr : "");
	info.ndm_family = (uint8_t)address.family;
	info.ndm_ifindex = (int)if_nametoindex(row->device);
	if (info.ndm_ifindex == 0)
		return fail_set(err, -errno, "neighbour %s: device \"%s\"", row->address,
				row->device);
	if (row->state.set)
		info.ndm_state = (uint16_t)row->state.value;
	info.ndm_flags = (uint8_t)row->flags;
	netlink_begin(&request, RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, &info, sizeof(info));
	netlink_put(&request, NDA_DST, address.bytes, address.len);
	if (row->lladdr && *row->lladdr)
		netlink_put(&request, NDA_LLADDR, mac, sizeof(mac));
	ret = netlink_send(fd, &request);
	return ret < 0 ? fail_set(err, ret, "add the neighbour %s on \"%s\"", row->address,
				  row->device)
		       : 0;
}

int net_update_neighbours(const struct call_update_neighbours *call, struct error *err)
{
	const struct call_net_neighbour *rows = call->neighbours.items;
	auto_close int fd = netlink_open();
	int ret = 0;

	if (fd < 0)
		return fail_set(err, fd, "open a netlink socket");
	for (size_t i = 0; ret == 0 && i < call->neighbours.len; i++)
		ret = put_neighbour(fd, &rows[i], err);
	return ret;
}
