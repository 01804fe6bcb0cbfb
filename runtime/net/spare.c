/*
 * Devices that a machine boots with because it cannot be given any later: taps that nothing is
 * connected to yet.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include "base/cleanup.h"
#include "base/log.h"
#include "runtime/net/endpoint.h"
#include "runtime/net/tap.h"

enum { NUMBERS = 64, MAC_BYTES = 6, LOCAL = 0x02, MULTICAST = 0x01 };

#define FIELD(member) .offset = offsetof(struct net_spare, member)

static const struct json_row spare_rows[] = {
	{ .name = "device", .kind = JSON_STR, FIELD(device), .flags = JSON_REQUIRED },
	{ .name = "mac", .kind = JSON_STR, FIELD(mac), .flags = JSON_REQUIRED },
};
const struct json_type net_spare_type = JSON_TYPE(net_spare, spare_rows);

static char *make_mac(struct arena *arena)
{
	uint8_t b[MAC_BYTES];

	if (getrandom(b, sizeof(b), 0) != sizeof(b))
		return NULL;
	b[0] = (uint8_t)((b[0] & ~MULTICAST) | LOCAL);
	return arena_printf(arena, "%02x:%02x:%02x:%02x:%02x:%02x", b[0], b[1], b[2], b[3], b[4],
			    b[5]);
}

int spare_plan(struct netlink *nl, unsigned *number, struct arena *arena, struct net_spare *spare,
	       struct error *err)
{
	/* Sandboxes that share a namespace have spares beside each other. */
	while (*number < NUMBERS) {
		int ret;

		spare->device = arena_printf(arena, NET_DEVICE_PREFIX "s%u", (*number)++);
		if (!spare->device)
			return err_set(err, -ENOMEM, "name a spare interface");
		ret = netlink_find_link(nl, spare->device);
		if (ret < 0)
			return err_set(err, ret, "look for '%s'", spare->device);
		if (ret > 0)
			continue;
		spare->mac = make_mac(arena);
		return spare->mac ? 0 : err_set(err, -ENOMEM, "make an address");
	}
	return err_msg(err, -EBUSY, "the namespace has %d spare interfaces already", NUMBERS);
}

int spare_make(const struct net_spare *spare, struct error *err)
{
	auto_close int fd = tap_make(spare->device, true, err);
	int ret = fd < 0 ? fd : tap_keep(fd);

	return fd >= 0 && ret < 0 ? err_set(err, ret, "keep the tap '%s'", spare->device) : ret;
}

void spare_undo(struct netlink *nl, const struct net_spare *spare)
{
	int index = netlink_find_link(nl, spare->device);
	int ret = index > 0 ? netlink_delete_link(nl, (unsigned)index) : index;

	if (ret < 0 && ret != -ENOENT && ret != -ENODEV)
		log_warning("remove the tap '%s': %s", spare->device, strerror(-ret));
}
