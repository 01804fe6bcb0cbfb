/* One interface of the guest: finding it, and its own attributes. */
#ifndef AGENT_GUEST_NET_LINK_H
#define AGENT_GUEST_NET_LINK_H

#include <stdbool.h>
#include <stdint.h>
#include "base/error.h"

/* By which of them it is found: the first that is neither NULL nor "". */
struct net_link_query {
	const char *mac;      /* any case */
	const char *pci_path; /* "0000:00:05.0" or "00:05.0" */
	const char *name;
};

/* Index of the interface. Waits timeout_ms for it to appear, by the kernel's own events: call it in
 * a worker. */
int net_link_find(const struct net_link_query *query, uint32_t timeout_ms, struct error *err)
	must_check;
/* Does a path of sysfs ("../../devices/pci0000:00/0000:00:05.0/virtio2/net/eth0") go through that
 * PCI device, with none below it? */
bool net_link_is_at(const char *sysfs_path, const char *pci_path);

/* These use a socket of netlink_open(). NULL, "" and 0 leave it as it is. A new name or address
 * takes the interface down. */
int net_link_rename(int fd, int index, const char *name, struct error *err) must_check;
int net_link_set_mac(int fd, int index, const char *mac, struct error *err) must_check;
int net_link_set_mtu(int fd, int index, uint32_t mtu, struct error *err) must_check;
int net_link_set_up(int fd, int index, bool up, struct error *err) must_check;

#endif
