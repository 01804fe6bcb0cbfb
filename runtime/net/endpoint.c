#include "runtime/net/endpoint.h"

#include <errno.h>
#include <linux/if_arp.h>
#include <stdio.h>
#include <string.h>

#define FIELD(member) .offset = offsetof(struct net_endpoint, member)

static const struct json_row endpoint_rows[] = {
	{ .name = "name", .kind = JSON_STR, FIELD(name), .flags = JSON_REQUIRED },
	{ .name = "kind", .kind = JSON_STR, FIELD(kind), .flags = JSON_REQUIRED },
	{ .name = "index", .kind = JSON_U32, FIELD(index), .flags = JSON_REQUIRED },
	{ .name = "mac", .kind = JSON_STR, FIELD(mac), .flags = JSON_REQUIRED },
	{ .name = "model", .kind = JSON_STR, FIELD(model), .flags = JSON_REQUIRED },
	{ .name = "device", .kind = JSON_STR, FIELD(device), .flags = JSON_REQUIRED },
	{ .name = "ownIngress", .kind = JSON_BOOL, FIELD(own_ingress) },
	{ .name = "byName", .kind = JSON_BOOL, FIELD(by_name), .flags = JSON_OMIT_EMPTY },
	{ .name = "spare", .kind = JSON_BOOL, FIELD(spare), .flags = JSON_OMIT_EMPTY },
};
const struct json_type net_endpoint_type = JSON_TYPE(net_endpoint, endpoint_rows);

static const struct net_model *const models[] = { &model_tcfilter, &model_macvtap, &model_none };

/* Ends of something virtual, whose frames can be redirected or taken over. */
static const struct net_kind kind_veth = { .name = "veth" };
static const struct net_kind kind_macvlan = { .name = "macvlan" };
static const struct net_kind kind_ipvlan = { .name = "ipvlan" };
static const struct net_kind kind_vlan = { .name = "vlan" };
static const struct net_kind kind_dummy = { .name = "dummy" };
/* A tap whose other end is a program, as rootless clients have it. */
static const struct net_kind kind_tun = { .name = "tun" };

const struct net_kind *const net_kinds[] = {
	&kind_veth,  &kind_macvlan, &kind_ipvlan,  &kind_vlan,
	&kind_dummy, &kind_tun,	    &kind_macvtap, NULL,
};

static const struct net_kind *find_kind(const char *name)
{
	for (size_t i = 0; name && net_kinds[i]; i++)
		if (!strcmp(net_kinds[i]->name, name))
			return net_kinds[i];
	return NULL;
}

static const struct net_model *find_model(const char *name)
{
	for (size_t i = 0; i < sizeof(models) / sizeof(models[0]); i++)
		if (!strcmp(models[i]->name, name))
			return models[i];
	return NULL;
}

static int refuse(const struct net_link *link, struct error *err)
{
	if (!link->kind) {
		err_msg(err, -ENOTSUP,
			"interface '%s' is a device of the host's hardware: that is not supported",
			link->name);
		return err_hint(err, "give the sandbox a macvlan on top of it");
	}
	if (link->type != ARPHRD_ETHER || !link->mac)
		return err_msg(
			err, -ENOTSUP,
			"interface '%s' of kind '%s' does not carry Ethernet frames: it cannot "
			"be connected to a virtual machine",
			link->name, link->kind);
	return err_msg(err, -ENOTSUP,
		       "interface '%s' of kind '%s' cannot be connected to a virtual machine",
		       link->name, link->kind);
}

static int taken(const struct net_endpoint *ep, struct error *err)
{
	return err_msg(err, -EBUSY,
		       "interface '%s': another sandbox' virtual machine has it (by '%s')",
		       ep->name, ep->device);
}

int endpoint_plan(struct netlink *nl, const struct net_link *link, const char *model,
		  struct arena *arena, struct net_endpoint *ep, struct error *err)
{
	const struct net_kind *kind = find_kind(link->kind);
	int ret;

	if (!kind || link->type != ARPHRD_ETHER || !link->mac)
		return refuse(link, err);
	if (!kind->make && !find_model(model))
		return err_msg(err, -EINVAL, "internetworking_model '%s' is not known", model);
	*ep = (struct net_endpoint){
		.name = arena_strdup(arena, link->name),
		.kind = kind->name,
		.index = link->index,
		.mac = arena_strdup(arena, link->mac),
		.model = kind->make ? "" : find_model(model)->name,
		.device = kind->make ? arena_strdup(arena, link->name)
				     : arena_printf(arena, NET_DEVICE_PREFIX "%u", link->index),
	};
	if (!ep->name || !ep->mac || !ep->device)
		return err_set(err, -ENOMEM, "describe the interface '%s'", link->name);
	ret = kind->make ? 0 : netlink_find_link(nl, ep->device);
	if (ret > 0)
		return taken(ep, err);
	if (ret == 0)
		ret = netlink_has_ingress(nl, link->index);
	ep->own_ingress = ret == 0;
	return ret < 0 ? err_set(err, ret, "look at the interface '%s'", link->name) : 0;
}

int endpoint_make(struct netlink *nl, const struct net_endpoint *ep, uint32_t mtu,
		  struct error *err)
{
	const struct net_kind *kind = find_kind(ep->kind);
	const struct net_model *model = find_model(ep->model);
	int ret;

	if (kind && kind->make)
		ret = kind->make(nl, ep, mtu, err);
	else if (model)
		ret = model->make(nl, ep, mtu, err);
	else
		ret = err_msg(err, -EINVAL, "neither kind '%s' nor model '%s' is known", ep->kind,
			      ep->model);
	if (ret == -EBUSY)
		return taken(ep, err);
	return ret < 0 ? err_ctx(err, "connect the interface '%s'", ep->name) : ret;
}

bool endpoint_may_be_spare(const char *model)
{
	const struct net_model *found = find_model(model);

	return found && found->join;
}

int endpoint_join(struct netlink *nl, const struct net_endpoint *ep, uint32_t mtu,
		  struct error *err)
{
	const struct net_model *model = find_model(ep->model);
	int ret = model && model->join
			  ? model->join(nl, ep, mtu, err)
			  : err_msg(err, -ENOTSUP, "model '%s' takes no spare device", ep->model);

	return ret < 0 ? err_ctx(err, "connect the interface '%s'", ep->name) : 0;
}

bool endpoint_is_macvtap(const struct net_endpoint *ep)
{
	const struct net_kind *kind = find_kind(ep->kind);
	const struct net_model *model = find_model(ep->model);

	return kind && kind->make ? kind->macvtap : model && model->macvtap;
}

void endpoint_undo(struct netlink *nl, const struct net_endpoint *ep)
{
	const struct net_model *model = find_model(ep->model);

	if (model)
		model->undo(nl, ep);
}
