/* Requests to the kernel's routing, byte by byte: what is made of interfaces and filters. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <linux/tc_act/tc_mirred.h>

#include "runtime/net/netlink_request.h"

/* The attribute of that type in a row of them; the test fails when it is not there. */
static const struct rtattr *find(const void *first, size_t len, unsigned short type)
{
	const struct rtattr *attr = first;

	for (; RTA_OK(attr, len); attr = RTA_NEXT(attr, len))
		if ((attr->rta_type & NLA_TYPE_MASK) == type)
			return attr;
	fail_msg("no attribute %u", type);
	return NULL;
}

static const struct rtattr *inner(const struct rtattr *outer, unsigned short type)
{
	return find(RTA_DATA(outer), RTA_PAYLOAD(outer), type);
}

static const struct rtattr *top(const union netlink_request *request, size_t fixed,
				unsigned short type)
{
	size_t skip = NLMSG_LENGTH(NLMSG_ALIGN(fixed));

	return find(request->bytes + skip, request->header.nlmsg_len - skip, type);
}

static void test_macvtap(void **state)
{
	union netlink_request request;
	const struct rtattr *info;
	uint32_t value;

	(void)state;
	netlink_build_macvtap(&request, "acrun7", 7);
	assert_int_equal(request.header.nlmsg_type, RTM_NEWLINK);
	assert_int_equal(request.header.nlmsg_flags, NLM_F_REQUEST | NLM_F_CREATE | NLM_F_EXCL);
	assert_string_equal(RTA_DATA(top(&request, sizeof(struct ifinfomsg), IFLA_IFNAME)),
			    "acrun7");
	memcpy(&value, RTA_DATA(top(&request, sizeof(struct ifinfomsg), IFLA_LINK)), sizeof(value));
	assert_int_equal(value, 7);
	info = top(&request, sizeof(struct ifinfomsg), IFLA_LINKINFO);
	assert_string_equal(RTA_DATA(inner(info, IFLA_INFO_KIND)), "macvtap");
	memcpy(&value, RTA_DATA(inner(inner(info, IFLA_INFO_DATA), IFLA_MACVLAN_MODE)),
	       sizeof(value));
	assert_int_equal(value, MACVLAN_MODE_PASSTHRU);
}

static void test_ingress(void **state)
{
	union netlink_request request;
	const struct tcmsg *info = NLMSG_DATA(&request.header);

	(void)state;
	netlink_build_ingress(&request, RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL, 3);
	assert_int_equal(request.header.nlmsg_type, RTM_NEWQDISC);
	assert_int_equal(info->tcm_ifindex, 3);
	assert_int_equal(info->tcm_parent, TC_H_INGRESS);
	assert_int_equal(info->tcm_handle, 0xffff0000);
	assert_string_equal(RTA_DATA(top(&request, sizeof(*info), TCA_KIND)), "ingress");
}

static void test_redirect(void **state)
{
	union netlink_request request;
	const struct tcmsg *info = NLMSG_DATA(&request.header);
	const struct rtattr *options, *action;
	struct tc_u32_sel sel;
	struct tc_u32_key key;
	struct tc_mirred mirred;

	(void)state;
	netlink_build_redirect(&request, RTM_NEWTFILTER, NLM_F_CREATE | NLM_F_EXCL, 3, 4);
	assert_int_equal(info->tcm_ifindex, 3);
	/* "ingress" of either kind of qdisc, all protocols, behind the filters of others */
	assert_int_equal(info->tcm_parent, 0xfffffff2);
	assert_int_equal(TC_H_MIN(info->tcm_info), htons(ETH_P_ALL));
	assert_int_equal(TC_H_MAJ(info->tcm_info) >> 16, 0xac00);
	options = top(&request, sizeof(*info), TCA_OPTIONS);
	memcpy(&sel, RTA_DATA(inner(options, TCA_U32_SEL)), sizeof(sel));
	memcpy(&key, (const char *)RTA_DATA(inner(options, TCA_U32_SEL)) + sizeof(sel),
	       sizeof(key));
	assert_int_equal(sel.nkeys, 1);
	assert_int_equal(sel.flags, TC_U32_TERMINAL);
	assert_int_equal(key.mask, 0);
	action = inner(inner(options, TCA_U32_ACT), 1);
	assert_string_equal(RTA_DATA(inner(action, TCA_ACT_KIND)), "mirred");
	memcpy(&mirred, RTA_DATA(inner(inner(action, TCA_ACT_OPTIONS), TCA_MIRRED_PARMS)),
	       sizeof(mirred));
	assert_int_equal(mirred.eaction, TCA_EGRESS_REDIR);
	assert_int_equal(mirred.action, TC_ACT_STOLEN);
	assert_int_equal(mirred.ifindex, 4);
}

/* What is removed is named, not described. */
static void test_delete_redirect(void **state)
{
	union netlink_request request;
	const struct tcmsg *info = NLMSG_DATA(&request.header);

	(void)state;
	netlink_build_redirect(&request, RTM_DELTFILTER, 0, 3, 0);
	assert_int_equal(TC_H_MAJ(info->tcm_info) >> 16, 0xac00);
	assert_int_equal(request.header.nlmsg_len,
			 NLMSG_LENGTH(sizeof(*info)) + RTA_SPACE(sizeof("u32")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_macvtap),
		cmocka_unit_test(test_ingress),
		cmocka_unit_test(test_redirect),
		cmocka_unit_test(test_delete_redirect),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
