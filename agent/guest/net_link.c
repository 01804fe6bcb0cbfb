#include "agent/guest/net_link.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/guest/fail.h"
#include "agent/guest/modules.h"
#include "agent/guest/netaddr.h"
#include "agent/guest/netlink.h"
#include "base/cleanup.h"
#include "base/clock.h"

enum { MAC_LEN = 6, SYSFS_LINK_MAX = 512 };

/* A search under way. */
struct search {
	const struct net_link_query *query;
	uint8_t mac[MAC_LEN];
	int index; /* 0: not found yet */
};

static bool is_set(const char *text)
{
	return text && *text;
}

/* A component of a path that names a PCI device: "0000:00:05.0". */
static bool is_pci_name(const char *text, size_t len)
{
	return len == 12 && text[4] == ':' && text[7] == ':' && text[10] == '.';
}

bool net_link_is_at(const char *sysfs_path, const char *pci_path)
{
	size_t wanted = strlen(pci_path);
	const char *last = NULL;

	for (const char *at = sysfs_path; *at; at += strspn(at, "/")) {
		size_t len = strcspn(at, "/");

		if (is_pci_name(at, len))
			last = at;
		at += len;
	}
	if (!last || wanted > 12)
		return false;
	/* the domain may be left out */
	return (wanted == 12 || wanted == 7) && !strncmp(last + 12 - wanted, pci_path, wanted) &&
	       (wanted == 12 || !strncmp(last, "0000:", 5));
}

static bool is_at_pci(const char *name, const char *pci_path)
{
	char path[IFNAMSIZ + sizeof("/sys/class/net/")];
	char target[SYSFS_LINK_MAX];
	ssize_t n;

	(void)snprintf(path, sizeof(path), "/sys/class/net/%s", name);
	n = readlink(path, target, sizeof(target) - 1);
	if (n < 0)
		return false;
	target[n] = '\0';
	return net_link_is_at(target, pci_path);
}

static bool is_mac(const struct netlink_attr *attr, const uint8_t mac[static MAC_LEN])
{
	return attr->data && attr->len == MAC_LEN && !memcmp(attr->data, mac, MAC_LEN);
}

/* The host knows an interface by the address that it came with, which is no longer its own when it
 * has been told another. */
static void on_link(void *arg, const struct nlmsghdr *header)
{
	struct search *search = arg;
	const struct net_link_query *query = search->query;
	const struct ifinfomsg *info = NLMSG_DATA(header);
	struct netlink_attr name, mac, burnt_in;
	char text[IFNAMSIZ] = "";
	bool found;

	if (search->index > 0 || header->nlmsg_type != RTM_NEWLINK ||
	    header->nlmsg_len < NLMSG_LENGTH(sizeof(*info)))
		return;
	netlink_find(header, sizeof(*info), IFLA_IFNAME, &name);
	netlink_find(header, sizeof(*info), IFLA_ADDRESS, &mac);
	netlink_find(header, sizeof(*info), IFLA_PERM_ADDRESS, &burnt_in);
	if (name.data && name.len <= sizeof(text))
		(void)snprintf(text, sizeof(text), "%.*s", (int)name.len, (const char *)name.data);
	if (is_set(query->mac))
		found = is_mac(&mac, search->mac) || is_mac(&burnt_in, search->mac);
	else if (is_set(query->pci_path))
		found = is_at_pci(text, query->pci_path);
	else
		found = !strcmp(text, query->name);
	if (found)
		search->index = info->ifi_index;
}

static int look(struct search *search)
{
	struct ifinfomsg info = { .ifi_family = AF_UNSPEC };

	return netlink_dump(RTM_GETLINK, &info, sizeof(info), on_link, search);
}

/* Waits for the kernel to tell of some interface. */
static int wait_for_news(int events_fd, int64_t deadline_ms)
{
	struct pollfd item = { .fd = events_fd, .events = POLLIN };
	int64_t left = deadline_ms - clock_now_ms();
	char news[4096];
	int n = left > 0 ? poll(&item, 1, (int)left) : 0;

	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	if (n == 0)
		return -ETIMEDOUT;
	while (recv(events_fd, news, sizeof(news), MSG_DONTWAIT) > 0)
		continue;
	return 0;
}

static int check_query(const struct net_link_query *query, struct search *search, struct error *err)
{
	if (is_set(query->mac) && netaddr_parse_mac(query->mac, search->mac) < 0)
		return err_msg(err, -EINVAL, "mac address \"%s\" is not valid", query->mac);
	if (!is_set(query->mac) && !is_set(query->pci_path) && !is_set(query->name))
		return err_msg(err, -EINVAL, "an interface has neither macAddr nor device");
	return 0;
}

int net_link_find(const struct net_link_query *query, uint32_t timeout_ms, struct error *err)
{
	const char *what = is_set(query->mac)	     ? "with the mac address"
			   : is_set(query->pci_path) ? "at the pci address"
						     : "called";
	const char *text = is_set(query->mac)	     ? query->mac
			   : is_set(query->pci_path) ? query->pci_path
						     : query->name;
	int64_t deadline_ms = clock_now_ms() + timeout_ms;
	struct search search = { .query = query };
	auto_close int events_fd = -1;
	int ret = check_query(query, &search, err);

	if (ret < 0)
		return ret;
	/* before the first look, so that nothing is missed between it and the wait */
	events_fd = netlink_listen(RTMGRP_LINK);
	if (events_fd < 0)
		return fail_set(err, events_fd, "listen to netlink");
	/* a machine without a network has no use for it, so it is not loaded before */
	(void)!modules_load("virtio_net");
	do {
		ret = look(&search);
		if (search.index > 0)
			return search.index;
		if (ret == 0)
			ret = wait_for_news(events_fd, deadline_ms);
	} while (ret == 0);
	if (ret != -ETIMEDOUT)
		return fail_set(err, ret, "look for the interface %s \"%s\"", what, text);
	return err_msg(err, -ENODEV,
		       "no interface %s \"%s\" has appeared in the guest within %u ms", what, text,
		       timeout_ms);
}

static int change(int fd, int index, uint16_t attr, const void *data, size_t len)
{
	struct ifinfomsg info = { .ifi_index = index };
	struct netlink_request request;

	netlink_begin(&request, RTM_NEWLINK, 0, &info, sizeof(info));
	netlink_put(&request, attr, data, len);
	return netlink_send(fd, &request);
}

static int switch_link(int fd, int index, bool up)
{
	struct ifinfomsg info = { .ifi_index = index,
				  .ifi_change = IFF_UP,
				  .ifi_flags = up ? IFF_UP : 0 };
	struct netlink_request request;

	netlink_begin(&request, RTM_NEWLINK, 0, &info, sizeof(info));
	return netlink_send(fd, &request);
}

int net_link_set_up(int fd, int index, bool up, struct error *err)
{
	int ret = switch_link(fd, index, up);

	return ret < 0 ? fail_set(err, ret, "bring an interface %s", up ? "up" : "down") : 0;
}

/* An interface that is up keeps its name and address. */
static int change_down(int fd, int index, uint16_t attr, const void *data, size_t len)
{
	int ret = switch_link(fd, index, false);

	return ret < 0 ? ret : change(fd, index, attr, data, len);
}

int net_link_rename(int fd, int index, const char *name, struct error *err)
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
		ret = change_down(fd, (int)holder, IFLA_IFNAME, spare, strlen(spare) + 1);
	}
	if (ret == 0)
		ret = change_down(fd, index, IFLA_IFNAME, name, strlen(name) + 1);
	return ret < 0 ? fail_set(err, ret, "rename an interface to \"%s\"", name) : 0;
}

int net_link_set_mac(int fd, int index, const char *mac, struct error *err)
{
	uint8_t bytes[MAC_LEN];
	int ret;

	if (!is_set(mac))
		return 0;
	if (netaddr_parse_mac(mac, bytes) < 0)
		return err_msg(err, -EINVAL, "mac address \"%s\" is not valid", mac);
	ret = change_down(fd, index, IFLA_ADDRESS, bytes, sizeof(bytes));
	return ret < 0 ? fail_set(err, ret, "set the mac address of an interface to %s", mac) : 0;
}

int net_link_set_mtu(int fd, int index, uint32_t mtu, struct error *err)
{
	int ret = mtu > 0 ? change(fd, index, IFLA_MTU, &mtu, sizeof(mtu)) : 0;

	return ret < 0 ? fail_set(err, ret, "set the mtu of an interface to %u", mtu) : 0;
}
