/* Addresses of either family as calls write them. */
#ifndef AGENT_GUEST_NETADDR_H
#define AGENT_GUEST_NETADDR_H

#include <stddef.h>
#include <stdint.h>
#include "base/error.h"

/* Room for "<address>/<prefix>". */
enum { NETADDR_TEXT_LEN = 52 };

struct netaddr {
	int family;	   /* AF_INET, AF_INET6 */
	uint8_t bytes[16]; /* in network order */
	size_t len;	   /* of the address: 4 or 16 */
	uint8_t prefix;	   /* bits of the network */
};

/*
 * Reads "10.0.0.1", "10.0.0.1/8", "fd00::1/64". `netmask` (may be NULL or empty) holds the prefix
 * when the text has none: a number of bits or, for IPv4, a dotted mask. Without either, it is a
 * host's (32, 128). -EINVAL.
 */
int netaddr_parse(const char *text, const char *netmask, struct netaddr *out) must_check;
/* Writes "10.0.0.1/8". */
void netaddr_format(const struct netaddr *address, char out[static NETADDR_TEXT_LEN]);
/* Reads "02:42:ac:11:00:02", any case. -EINVAL. */
int netaddr_parse_mac(const char *text, uint8_t mac[6]) must_check;

#endif
