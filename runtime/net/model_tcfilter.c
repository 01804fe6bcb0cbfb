/*
 * A tap, and in both directions a filter that moves every frame: what comes in at the interface
 * leaves by the tap, and the other way round. The interface keeps its addresses for whoever looks
 * at the namespace, but no frame reaches them any more.
 */
#include <errno.h>
#include <string.h>
#include "base/cleanup.h"
#include "base/log.h"
#include "runtime/net/endpoint.h"
#include "runtime/net/tap.h"

static int prepare_tap(struct netlink *nl, const struct net_endpoint *ep, uint32_t mtu,
		       unsigned *index, struct error *err)
{
	int ret = netlink_find_link(nl, ep->device);

	if (ret <= 0)
		return err_set(err, ret ? ret : -ENODEV, "find the tap '%s'", ep->device);
	*index = (unsigned)ret;
	ret = netlink_prepare_link(nl, *index, mtu);
	return ret < 0 ? err_set(err, ret, "bring the tap '%s' up", ep->device) : 0;
}

static int make_tap(struct netlink *nl, const struct net_endpoint *ep, uint32_t mtu,
		    unsigned *index, struct error *err)
{
	auto_close int fd = tap_make(ep->device, ep->by_name, err);
	int ret = fd < 0 ? fd : prepare_tap(nl, ep, mtu, index, err);

	return ret < 0 ? ret : take_fd(&fd);
}

static int redirect(struct netlink *nl, unsigned from, unsigned to, bool make_ingress,
		    struct error *err)
{
	int ret = make_ingress ? netlink_add_ingress(nl, from) : 0;

	if (ret == 0)
		ret = netlink_add_redirect(nl, from, to);
	if (ret == 0)
		return 0;
	err_set(err, ret, "redirect the frames of interface %u to %u", from, to);
	return ret == -ENOENT || ret == -EOPNOTSUPP
		       ? err_hint(err, "the kernel needs sch_ingress, cls_u32 and act_mirred")
		       : ret;
}

static int connect_both(struct netlink *nl, const struct net_endpoint *ep, unsigned tap,
			struct error *err)
{
	int ret = redirect(nl, tap, ep->index, true, err);

	return ret < 0 ? ret : redirect(nl, ep->index, tap, ep->own_ingress, err);
}

static int make(struct netlink *nl, const struct net_endpoint *ep, uint32_t mtu, struct error *err)
{
	unsigned tap;
	auto_close int fd = make_tap(nl, ep, mtu, &tap, err);
	int ret = fd < 0 ? fd : connect_both(nl, ep, tap, err);

	return ret < 0 ? ret : take_fd(&fd);
}

static int join(struct netlink *nl, const struct net_endpoint *ep, uint32_t mtu, struct error *err)
{
	unsigned tap;
	int ret = prepare_tap(nl, ep, mtu, &tap, err);

	return ret < 0 ? ret : connect_both(nl, ep, tap, err);
}

static void tell(const char *what, const struct net_endpoint *ep, int ret)
{
	if (ret < 0 && ret != -ENOENT && ret != -EINVAL && ret != -ENODEV)
		log_warning("remove the %s of '%s': %s", what, ep->name, strerror(-ret));
}

/* The tap goes by itself when the last descriptor of it does; until then it is removed by name. */
static void undo(struct netlink *nl, const struct net_endpoint *ep)
{
	int tap = netlink_find_link(nl, ep->device);

	if (ep->own_ingress)
		tell("filters", ep, netlink_delete_ingress(nl, ep->index));
	else
		tell("filter", ep, netlink_delete_redirect(nl, ep->index));
	tell("tap", ep, tap > 0 ? netlink_delete_link(nl, (unsigned)tap) : tap);
}

const struct net_model model_tcfilter = {
	.name = "tcfilter", .make = make, .join = join, .undo = undo
};

/* The tap alone, for those who connect it by themselves. */
static int make_unconnected(struct netlink *nl, const struct net_endpoint *ep, uint32_t mtu,
			    struct error *err)
{
	unsigned tap;

	return make_tap(nl, ep, mtu, &tap, err);
}

static int join_unconnected(struct netlink *nl, const struct net_endpoint *ep, uint32_t mtu,
			    struct error *err)
{
	unsigned tap;

	return prepare_tap(nl, ep, mtu, &tap, err);
}

static void undo_unconnected(struct netlink *nl, const struct net_endpoint *ep)
{
	int tap = netlink_find_link(nl, ep->device);

	tell("tap", ep, tap > 0 ? netlink_delete_link(nl, (unsigned)tap) : tap);
}

const struct net_model model_none = {
	.name = "none", .make = make_unconnected, .join = join_unconnected, .undo = undo_unconnected
};
