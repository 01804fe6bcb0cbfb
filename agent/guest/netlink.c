#include "agent/guest/netlink.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

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
