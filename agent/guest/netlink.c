#include "agent/guest/netlink.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"

enum { DUMP_PACKET_MAX = 32 << 10 };

int netlink_open(void)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	return fd < 0 ? -errno : fd;
}

/* Room for len more bytes at the next boundary; NULL when there is none. The rest of the buffer is
 * zero. */
static void *grow(struct netlink_request *request, size_t len)
{
	size_t at = NLMSG_ALIGN(request->header.nlmsg_len);

	if (len > sizeof(request->bytes) || at > sizeof(request->bytes) - len) {
		request->overflow = true;
		return NULL;
	}
	request->header.nlmsg_len = (uint32_t)(at + len);
	return request->bytes + at;
}

void netlink_begin(struct netlink_request *request, uint16_t type, uint16_t flags, const void *body,
		   size_t len)
{
	void *room;

	*request = (struct netlink_request){ 0 };
	request->header.nlmsg_len = NLMSG_HDRLEN;
	request->header.nlmsg_type = type;
	request->header.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags;
	request->header.nlmsg_seq = 1;
	room = grow(request, len);
	if (room)
		memcpy(room, body, len);
}

void netlink_put(struct netlink_request *request, uint16_t type, const void *data, size_t len)
{
	struct rtattr attr = { .rta_type = type, .rta_len = (unsigned short)RTA_LENGTH(len) };
	char *room = len > NETLINK_REQUEST_MAX ? NULL : grow(request, RTA_LENGTH(len));

	if (!room) {
		request->overflow = true;
		return;
	}
	memcpy(room, &attr, sizeof(attr));
	memcpy(room + RTA_LENGTH(0), data, len);
}

void netlink_put_u32(struct netlink_request *request, uint16_t type, uint32_t value)
{
	netlink_put(request, type, &value, sizeof(value));
}

int netlink_send(int fd, struct netlink_request *request)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	struct {
		struct nlmsghdr header;
		struct nlmsgerr verdict;
		char rest[NETLINK_REQUEST_MAX];
	} reply;
	ssize_t n;

	if (request->overflow)
		return -EMSGSIZE;
	if (sendto(fd, request->bytes, request->header.nlmsg_len, 0, (struct sockaddr *)&kernel,
		   sizeof(kernel)) < 0)
		return -errno;
	do {
		n = recv(fd, &reply, sizeof(reply), 0);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	if ((size_t)n < offsetof(typeof(reply), rest) || reply.header.nlmsg_type != NLMSG_ERROR)
		return -EBADMSG;
	return reply.verdict.error;
}

int netlink_listen(uint32_t groups)
{
	struct sockaddr_nl own = { .nl_family = AF_NETLINK, .nl_groups = groups };
	auto_close int fd = netlink_open();

	if (fd < 0)
		return fd;
	if (bind(fd, (struct sockaddr *)&own, sizeof(own)) < 0)
		return -errno;
	return take_fd(&fd);
}

void netlink_find(const struct nlmsghdr *header, size_t fixed_len, uint16_t type,
		  struct netlink_attr *out)
{
	const char *at = (const char *)header + NLMSG_HDRLEN + NLMSG_ALIGN(fixed_len);
	const char *end = (const char *)header + header->nlmsg_len;

	*out = (struct netlink_attr){ 0 };
	while (at < end && (size_t)(end - at) >= sizeof(struct rtattr)) {
		struct rtattr attr;

		memcpy(&attr, at, sizeof(attr));
		if (attr.rta_len < sizeof(attr) || attr.rta_len > end - at)
			return;
		if ((attr.rta_type & NLA_TYPE_MASK) == type) {
			out->data = at + RTA_LENGTH(0);
			out->len = attr.rta_len - RTA_LENGTH(0);
			return;
		}
		at += RTA_ALIGN(attr.rta_len);
	}
}

/* Takes the messages of one packet. 1 when the dump is over, 0 when more follows, -errno. */
static int take_packet(const char *data, size_t len, netlink_row *row, void *arg)
{
	while (len >= sizeof(struct nlmsghdr)) {
		const struct nlmsghdr *header = (const void *)data;
		size_t step;

		if (header->nlmsg_len < sizeof(*header) || header->nlmsg_len > len)
			return -EBADMSG;
		if (header->nlmsg_type == NLMSG_DONE)
			return 1;
		if (header->nlmsg_type == NLMSG_ERROR)
			return header->nlmsg_len < NLMSG_LENGTH(sizeof(struct nlmsgerr))
				       ? -EBADMSG
				       : ((const struct nlmsgerr *)NLMSG_DATA(header))->error;
		row(arg, header);
		step = NLMSG_ALIGN(header->nlmsg_len);
		data += step < len ? step : len;
		len -= step < len ? step : len;
	}
	return 0;
}

int netlink_dump(uint16_t type, const void *body, size_t len, netlink_row *row, void *arg)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	auto_close int fd = netlink_open();
	auto_free char *packet = malloc(DUMP_PACKET_MAX);
	struct netlink_request request;
	int ret = 0;

	if (fd < 0 || !packet)
		return fd < 0 ? fd : -ENOMEM;
	netlink_begin(&request, type, NLM_F_DUMP, body, len);
	request.header.nlmsg_flags &= (uint16_t)~NLM_F_ACK;
	if (request.overflow)
		return -EMSGSIZE;
	if (sendto(fd, request.bytes, request.header.nlmsg_len, 0, (struct sockaddr *)&kernel,
		   sizeof(kernel)) < 0)
		return -errno;
	while (ret == 0) {
		ssize_t n = recv(fd, packet, DUMP_PACKET_MAX, 0);

		if (n < 0 && errno == EINTR)
			continue;
		ret = n < 0 ? -errno : take_packet(packet, (size_t)n, row, arg);
	}
	return ret < 0 ? ret : 0;
}
