/* How the kernel's lists are read: until they hold still, attribute by attribute. */
#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <stdio.h>
#include <string.h>
#include "runtime/net/netlink_scan.h"

const char *scan_text(struct scanning *scanning, const struct nlattr *attr)
{
	if (!attr || mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) < 0)
		return NULL;
	return arena_strdup(scanning->arena, mnl_attr_get_str(attr));
}

const char *scan_address(struct scanning *scanning, int family, const struct nlattr *attr,
			 int prefix)
{
	const size_t len = family == AF_INET ? sizeof(struct in_addr) : sizeof(struct in6_addr);
	char text[INET6_ADDRSTRLEN];

	if (!attr || mnl_attr_get_payload_len(attr) != len ||
	    !inet_ntop(family, mnl_attr_get_payload(attr), text, sizeof(text)))
		return NULL;
	return prefix < 0 ? arena_strdup(scanning->arena, text)
			  : arena_printf(scanning->arena, "%s/%d", text, prefix);
}

const char *scan_mac(struct scanning *scanning, const struct nlattr *attr)
{
	const uint8_t *b;

	if (!attr || mnl_attr_get_payload_len(attr) != NET_MAC_LEN)
		return NULL;
	b = mnl_attr_get_payload(attr);
	return arena_printf(scanning->arena, "%02x:%02x:%02x:%02x:%02x:%02x", b[0], b[1], b[2],
			    b[3], b[4], b[5]);
}

void *scan_append(struct scanning *scanning, struct json_objs *list, size_t size, size_t max)
{
	/* Grown by doubling; the arena keeps the old ones until it goes. */
	if (list->len >= max)
		return NULL;
	if ((list->len & (list->len - 1)) == 0) {
		size_t room = list->len ? list->len * 2 : 1;
		void *items = arena_calloc(scanning->arena, room, size);

		if (!items)
			return NULL;
		if (list->len)
			memcpy(items, list->items, list->len * size);
		list->items = items;
	}
	return (char *)list->items + list->len++ * size;
}

struct attr_table {
	const struct nlattr **attrs;
	unsigned max;
};

static int take_attr(const struct nlattr *attr, void *arg)
{
	struct attr_table *table = arg;
	unsigned type = mnl_attr_get_type(attr);

	if (type <= table->max)
		table->attrs[type] = attr;
	return MNL_CB_OK;
}

void scan_attrs(const struct nlmsghdr *message, size_t fixed, const struct nlattr **attrs,
		unsigned max)
{
	struct attr_table table = { attrs, max };

	memset(attrs, 0, (max + 1) * sizeof(*attrs));
	(void)!mnl_attr_parse(message, (unsigned)fixed, take_attr, &table);
}

void scan_nested(const struct nlattr *nest, const struct nlattr **attrs, unsigned max)
{
	struct attr_table table = { attrs, max };

	memset(attrs, 0, (max + 1) * sizeof(*attrs));
	(void)!mnl_attr_parse_nested(nest, take_attr, &table);
}

/* Whoever configures the namespace may be at it: a list that was changed while it was read is read
 * again, a few times. */
int scan_list(struct scanning *scanning, int (*list)(struct scanning *scanning), const char *what,
	      struct error *err)
{
	int ret = -EINTR;

	for (int tries = 0; ret == -EINTR && tries < SCAN_TRIES; tries++)
		ret = list(scanning);
	if (ret == -E2BIG)
		return err_msg(err, ret, "the network namespace has too many %s", what);
	return ret < 0 ? err_set(err, ret, "list the %s of the network namespace", what) : 0;
}
