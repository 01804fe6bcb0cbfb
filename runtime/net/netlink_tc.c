/* Traffic control: what comes in at one interface leaves at another. */
#include "runtime/net/netlink_request.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <linux/tc_act/tc_mirred.h>
#include <string.h>

/* Filters of others come first, if there are any. */
enum { FILTER_PRIORITY = 0xac00, FIRST_ACTION = 1 };

/* A filter of u32 that compares nothing and so matches everything: unlike "matchall", every kernel
 * has it. */
union match_all {
	char bytes[sizeof(struct tc_u32_sel) + sizeof(struct tc_u32_key)];
	struct tc_u32_sel sel; /* its one key comes behind it */
};

void netlink_build_ingress(union netlink_request *request, uint16_t type, uint16_t flags,
			   unsigned index)
{
	struct tcmsg info = { .tcm_family = AF_UNSPEC,
			      .tcm_ifindex = (int)index,
			      .tcm_handle = TC_H_MAKE(TC_H_INGRESS, 0),
			      .tcm_parent = TC_H_INGRESS };

	netlink_begin(request, type, flags, &info, sizeof(info));
	mnl_attr_put_strz(&request->header, TCA_KIND, "ingress");
}

int netlink_add_ingress(struct netlink *nl, unsigned index)
{
	union netlink_request request;

	netlink_build_ingress(&request, RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL, index);
	return netlink_execute(nl, &request);
}

int netlink_delete_ingress(struct netlink *nl, unsigned index)
{
	union netlink_request request;

	netlink_build_ingress(&request, RTM_DELQDISC, 0, index);
	return netlink_execute(nl, &request);
}

struct ingress_search {
	unsigned index;
	bool found;
};

static int look_for_ingress(const struct nlmsghdr *message, void *arg)
{
	const struct tcmsg *info = mnl_nlmsg_get_payload(message);
	struct ingress_search *search = arg;

	if (info->tcm_ifindex == (int)search->index && info->tcm_parent == TC_H_INGRESS)
		search->found = true;
	return 0;
}

int netlink_has_ingress(struct netlink *nl, unsigned index)
{
	struct tcmsg info = { .tcm_family = AF_UNSPEC, .tcm_ifindex = (int)index };
	struct ingress_search search = { .index = index };
	union netlink_request request;
	int ret;

	do {
		netlink_begin(&request, RTM_GETQDISC, 0, &info, sizeof(info));
		ret = netlink_list(nl, &request, look_for_ingress, &search);
	} while (ret == -EINTR);
	return ret < 0 ? ret : search.found;
}

/* The parent is right for qdiscs of both kinds, "ingress" and "clsact". */
void netlink_build_redirect(union netlink_request *request, uint16_t type, uint16_t flags,
			    unsigned from, unsigned to)
{
	struct tcmsg info = { .tcm_family = AF_UNSPEC,
			      .tcm_ifindex = (int)from,
			      .tcm_parent = TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS),
			      .tcm_info = TC_H_MAKE((uint32_t)FILTER_PRIORITY << 16,
						    htons(ETH_P_ALL)) };
	union match_all match = { .bytes = { 0 } };
	struct tc_mirred mirred = { .action = TC_ACT_STOLEN,
				    .eaction = TCA_EGRESS_REDIR,
				    .ifindex = to };
	struct nlattr *options, *actions, *action, *parameters;

	match.sel.flags = TC_U32_TERMINAL;
	match.sel.nkeys = 1;
	netlink_begin(request, type, flags, &info, sizeof(info));
	mnl_attr_put_strz(&request->header, TCA_KIND, "u32");
	if (type == RTM_DELTFILTER)
		return;
	options = mnl_attr_nest_start(&request->header, TCA_OPTIONS);
	mnl_attr_put(&request->header, TCA_U32_SEL, sizeof(match), &match);
	actions = mnl_attr_nest_start(&request->header, TCA_U32_ACT);
	action = mnl_attr_nest_start(&request->header, FIRST_ACTION);
	mnl_attr_put_strz(&request->header, TCA_ACT_KIND, "mirred");
	parameters = mnl_attr_nest_start(&request->header, TCA_ACT_OPTIONS);
	mnl_attr_put(&request->header, TCA_MIRRED_PARMS, sizeof(mirred), &mirred);
	mnl_attr_nest_end(&request->header, parameters);
	mnl_attr_nest_end(&request->header, action);
	mnl_attr_nest_end(&request->header, actions);
	mnl_attr_nest_end(&request->header, options);
}

int netlink_delete_redirect(struct netlink *nl, unsigned from)
{
	union netlink_request request;

	netlink_build_redirect(&request, RTM_DELTFILTER, 0, from, 0);
	return netlink_execute(nl, &request);
}

int netlink_add_redirect(struct netlink *nl, unsigned from, unsigned to)
{
	union netlink_request request;
	int ret = netlink_delete_redirect(nl, from);

	if (ret < 0 && ret != -ENOENT && ret != -EINVAL)
		return ret;
	netlink_build_redirect(&request, RTM_NEWTFILTER, NLM_F_CREATE | NLM_F_EXCL, from, to);
	return netlink_execute(nl, &request);
}
