#include "runtime/net/netlink.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include "runtime/net/netlink_request.h"

/* The kernel answers at once. Should it ever not, a command must still end. */
enum { ANSWER_TIMEOUT_S = 10, ANSWER_MAX = 32768 };

int netlink_open(struct netlink *nl)
{
	const struct timeval timeout = { .tv_sec = ANSWER_TIMEOUT_S };
	struct mnl_socket *socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	int on = 1;

	if (!socket)
		return -errno;
	/* The first makes the kernel check what it is asked to list, the second shorter errors. */
	(void)mnl_socket_setsockopt(socket, NETLINK_GET_STRICT_CHK, &on, sizeof(on));
	(void)mnl_socket_setsockopt(socket, NETLINK_CAP_ACK, &on, sizeof(on));
	if (mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0 ||
	    setsockopt(mnl_socket_get_fd(socket), SOL_SOCKET, SO_RCVTIMEO, &timeout,
		       sizeof(timeout)) < 0) {
		int ret = -errno;

		(void)mnl_socket_close(socket);
		return ret;
	}
	nl->socket = socket;
	return 0;
}

void netlink_close(struct netlink *nl)
{
	if (nl->socket)
		(void)mnl_socket_close(nl->socket);
	nl->socket = NULL;
}

void netlink_begin(union netlink_request *request, uint16_t type, uint16_t flags, const void *body,
		   size_t len)
{
	memset(request, 0, sizeof(*request));
	(void)mnl_nlmsg_put_header(request->bytes);
	request->header.nlmsg_type = type;
	request->header.nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	memcpy(mnl_nlmsg_put_extra_header(&request->header, len), body, len);
}

struct reading {
	netlink_message_fn fn;
	void *arg;
	int error;
	bool interrupted;
};

static int on_message(const struct nlmsghdr *message, void *arg)
{
	struct reading *reading = arg;

	if (message->nlmsg_flags & NLM_F_DUMP_INTR)
		reading->interrupted = true;
	if (!reading->fn || reading->error < 0)
		return MNL_CB_OK;
	reading->error = reading->fn(message, reading->arg);
	/* Read on to the end: the socket is used again. */
	return MNL_CB_OK;
}

static int converse(struct netlink *nl, union netlink_request *request, struct reading *reading)
{
	unsigned port = mnl_socket_get_portid(nl->socket);
	char answer[ANSWER_MAX];
	int ret = 1;

	request->header.nlmsg_seq = ++nl->seq;
	if (mnl_socket_sendto(nl->socket, request, request->header.nlmsg_len) < 0)
		return -errno;
	while (ret > 0) {
		ssize_t n = mnl_socket_recvfrom(nl->socket, answer, sizeof(answer));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? -ETIMEDOUT : -errno;
		/* What a request that timed out left behind is dropped. */
		if ((size_t)n >= sizeof(struct nlmsghdr) &&
		    ((const struct nlmsghdr *)(const void *)answer)->nlmsg_seq != nl->seq)
			continue;
		ret = mnl_cb_run(answer, (size_t)n, nl->seq, port, on_message, reading);
		if (ret < 0)
			return -errno;
	}
	if (reading->error < 0)
		return reading->error;
	return reading->interrupted ? -EINTR : 0;
}

int netlink_ask(struct netlink *nl, union netlink_request *request, netlink_message_fn fn,
		void *arg)
{
	struct reading reading = { .fn = fn, .arg = arg };

	request->header.nlmsg_flags |= NLM_F_ACK;
	return converse(nl, request, &reading);
}

int netlink_execute(struct netlink *nl, union netlink_request *request)
{
	return netlink_ask(nl, request, NULL, NULL);
}

int netlink_list(struct netlink *nl, union netlink_request *request, netlink_message_fn fn,
		 void *arg)
{
	struct reading reading = { .fn = fn, .arg = arg };

	request->header.nlmsg_flags |= NLM_F_DUMP;
	return converse(nl, request, &reading);
}
