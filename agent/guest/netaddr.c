#include "agent/guest/netaddr.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/parse.h"

/* "255.255.0.0" to 16. */
static int parse_mask(const char *text, uint32_t *prefix)
{
	struct in_addr mask;
	uint32_t bits;

	if (inet_pton(AF_INET, text, &mask) != 1)
		return -EINVAL;
	bits = ~ntohl(mask.s_addr);
	/* the zeroes must come behind the ones */
	if (bits & (bits + 1))
		return -EINVAL;
	*prefix = 32 - (uint32_t)__builtin_popcount(bits);
	return 0;
}

static int parse_prefix(const char *text, struct netaddr *out)
{
	uint32_t prefix = 0;
	int ret = out->family == AF_INET && strchr(text, '.') ? parse_mask(text, &prefix)
							      : parse_u32(text, &prefix);

	if (ret < 0 || prefix > out->len * 8)
		return -EINVAL;
	out->prefix = (uint8_t)prefix;
	return 0;
}

int netaddr_parse(const char *text, const char *netmask, struct netaddr *out)
{
	char address[INET6_ADDRSTRLEN];
	size_t len = strcspn(text, "/");

	*out = (struct netaddr){ 0 };
	if (len >= sizeof(address))
		return -EINVAL;
	memcpy(address, text, len);
	address[len] = '\0';
	if (inet_pton(AF_INET, address, out->bytes) == 1) {
		out->family = AF_INET;
		out->len = 4;
	} else if (inet_pton(AF_INET6, address, out->bytes) == 1) {
		out->family = AF_INET6;
		out->len = 16;
	} else {
		return -EINVAL;
	}
	out->prefix = (uint8_t)(out->len * 8);
	if (text[len] == '/')
		return parse_prefix(text + len + 1, out);
	return netmask && *netmask ? parse_prefix(netmask, out) : 0;
}

void netaddr_format(const struct netaddr *address, char out[static NETADDR_TEXT_LEN])
{
	char text[INET6_ADDRSTRLEN];

	if (!inet_ntop(address->family, address->bytes, text, sizeof(text)))
		text[0] = '\0';
	(void)snprintf(out, NETADDR_TEXT_LEN, "%s/%u", text, address->prefix);
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)tolower((unsigned char)c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int netaddr_parse_mac(const char *text, uint8_t mac[6])
{
	if (strlen(text) != 17)
		return -EINVAL;
	for (size_t i = 0; i < 6; i++) {
		int high = hex_value(text[3 * i]);
		int low = hex_value(text[3 * i + 1]);

		if (high < 0 || low < 0 || (i < 5 && text[3 * i + 2] != ':'))
			return -EINVAL;
		mac[i] = (uint8_t)(high << 4 | low);
	}
	return 0;
}
