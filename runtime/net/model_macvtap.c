/*
 * A macvtap on top of the interface, in mode "passthru": both have the same MAC, and every frame
 * for it goes to the guest. The interface keeps its addresses; what its namespace still answers to
 * broadcasts names the same MAC as the guest's answer does.
 */
#include <errno.h>
#include <string.h>
#include "base/cleanup.h"
#include "base/log.h"
#include "runtime/net/endpoint.h"
#include "runtime/net/tap.h"

static int make(struct netlink *nl, const struct net_endpoint *ep, uint32_t mtu, struct error *err)
{
	int index;
	int ret = netlink_add_macvtap(nl, ep->device, ep->index);

	if (ret == -EEXIST)
		ret = -EBUSY;
	if (ret < 0)
		return err_set(err, ret, "make the macvtap '%s' on '%s'", ep->device, ep->name);
	index = netlink_find_link(nl, ep->device);
	if (index <= 0)
		return err_set(err, index ? index : -ENODEV, "find the macvtap '%s'", ep->device);
	ret = netlink_prepare_link(nl, (unsigned)index, mtu);
	if (ret < 0)
		return err_set(err, ret, "bring the macvtap '%s' up", ep->device);
	return tap_open_macvtap(ep->device, (unsigned)index, err);
}

static void undo(struct netlink *nl, const struct net_endpoint *ep)
{
	int index = netlink_find_link(nl, ep->device);
	int ret = index > 0 ? netlink_delete_link(nl, (unsigned)index) : index;

	if (ret < 0 && ret != -ENODEV)
		log_warning("remove the macvtap '%s': %s", ep->device, strerror(-ret));
}

const struct net_model model_macvtap = {
	.name = "macvtap", .macvtap = true, .make = make, .undo = undo
};
