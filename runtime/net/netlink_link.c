/* Interfaces: found, made, shaped, removed. */
#include "runtime/net/netlink_request.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <string.h>

/* What IFLA_INET6_ADDR_GEN_MODE takes: no address at all. */
enum { NO_ADDRESS_BY_ITSELF = 1 };

static int take_index(const struct nlmsghdr *message, void *arg)
{
	const struct ifinfomsg *info = mnl_nlmsg_get_payload(message);

	*(int *)arg = info->ifi_index;
	return 0;
}

int netlink_find_link(struct netlink *nl, const char *name)
{
	struct ifinfomsg info = { 0 };
	union netlink_request request;
	int index = 0;
	int ret;

	if (strlen(name) >= IFNAMSIZ)
		return -EINVAL;
	netlink_begin(&request, RTM_GETLINK, 0, &info, sizeof(info));
	mnl_attr_put_strz(&request.header, IFLA_IFNAME, name);
	ret = netlink_ask(nl, &request, take_index, &index);
	if (ret == -ENODEV)
		return 0;
	return ret < 0 ? ret : index;
}

void netlink_build_macvtap(union netlink_request *request, const char *name, unsigned lower)
{
	struct ifinfomsg info = { 0 };
	struct nlattr *link, *data;

	netlink_begin(request, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &info, sizeof(info));
	mnl_attr_put_strz(&request->header, IFLA_IFNAME, name);
	mnl_attr_put_u32(&request->header, IFLA_LINK, lower);
	link = mnl_attr_nest_start(&request->header, IFLA_LINKINFO);
	mnl_attr_put_strz(&request->header, IFLA_INFO_KIND, "macvtap");
	data = mnl_attr_nest_start(&request->header, IFLA_INFO_DATA);
	mnl_attr_put_u32(&request->header, IFLA_MACVLAN_MODE, MACVLAN_MODE_PASSTHRU);
	mnl_attr_nest_end(&request->header, data);
	mnl_attr_nest_end(&request->header, link);
}

int netlink_add_macvtap(struct netlink *nl, const char *name, unsigned lower)
{
	union netlink_request request;

	if (strlen(name) >= IFNAMSIZ)
		return -EINVAL;
	netlink_build_macvtap(&request, name, lower);
	return netlink_execute(nl, &request);
}

int netlink_delete_link(struct netlink *nl, unsigned index)
{
	struct ifinfomsg info = { .ifi_index = (int)index };
	union netlink_request request;

	netlink_begin(&request, RTM_DELLINK, 0, &info, sizeof(info));
	return netlink_execute(nl, &request);
}

/* A kernel without IPv6 knows nothing of this. */
static int quiet_inet6(struct netlink *nl, unsigned index)
{
	struct ifinfomsg info = { .ifi_index = (int)index };
	union netlink_request request;
	struct nlattr *families, *inet6;
	int ret;

	netlink_begin(&request, RTM_NEWLINK, 0, &info, sizeof(info));
	families = mnl_attr_nest_start(&request.header, IFLA_AF_SPEC);
	inet6 = mnl_attr_nest_start(&request.header, AF_INET6);
	mnl_attr_put_u8(&request.header, IFLA_INET6_ADDR_GEN_MODE, NO_ADDRESS_BY_ITSELF);
	mnl_attr_nest_end(&request.header, inet6);
	mnl_attr_nest_end(&request.header, families);
	ret = netlink_execute(nl, &request);
	return ret == -EAFNOSUPPORT || ret == -EOPNOTSUPP ? 0 : ret;
}

int netlink_prepare_link(struct netlink *nl, unsigned index, uint32_t mtu)
{
	struct ifinfomsg info = { .ifi_index = (int)index,
				  .ifi_flags = IFF_UP,
				  .ifi_change = IFF_UP };
	union netlink_request request;
	int ret = quiet_inet6(nl, index);

	if (ret < 0)
		return ret;
	netlink_begin(&request, RTM_NEWLINK, 0, &info, sizeof(info));
	mnl_attr_put_u32(&request.header, IFLA_MTU, mtu);
	return netlink_execute(nl, &request);
}
