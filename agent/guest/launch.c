#include "agent/guest/launch.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

union control {
	struct cmsghdr header;
	char space[CMSG_SPACE(sizeof(int))];
};

int launch_send(int sync_fd, enum launch_message_type type, const struct error *err, int fd)
{
	struct launch_message message = { .type = type };
	struct iovec iov = { .iov_base = &message,
			     .iov_len = offsetof(struct launch_message, text) + 1 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	union control control = { 0 };

	if (err) {
		size_t len = strnlen(err->text, sizeof(message.text) - 1);

		message.code = err->code;
		memcpy(message.text, err->text, len);
		iov.iov_len += len;
	}
	if (fd >= 0) {
		msg.msg_control = &control;
		msg.msg_controllen = sizeof(control);
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
	}
	/* the container's filter may be in force already: the plainest call there is */
	if (fd < 0)
		return write(sync_fd, &message, iov.iov_len) < 0 ? -errno : 0;
	return sendmsg(sync_fd, &msg, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

int launch_receive(int sync_fd, struct launch_message *message, int *fd)
{
	struct iovec iov = { .iov_base = message, .iov_len = sizeof(*message) };
	union control control = { 0 };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = &control,
			      .msg_controllen = sizeof(control) };
	const struct cmsghdr *header;
	ssize_t n;

	*fd = -1;
	do {
		n = recvmsg(sync_fd, &msg, MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	if (n <= 0)
		return n < 0 ? -errno : 0;
	header = CMSG_FIRSTHDR(&msg);
	if (header && header->cmsg_type == SCM_RIGHTS && header->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(fd, CMSG_DATA(header), sizeof(*fd));
	if ((size_t)n <= offsetof(struct launch_message, text))
		return -EBADMSG;
	message->text[(size_t)n - offsetof(struct launch_message, text) - 1] = '\0';
	return 1;
}
