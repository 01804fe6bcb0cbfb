#include "agent/guest/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/guest/numbers.h"
#include "base/fs.h"

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

pid_t launch_pid_of(int pidfd)
{
	auto_strbuf struct strbuf text = { 0 };
	const char *at;
	char path[48];
	int64_t pid;
	int ret;

	(void)snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", pidfd);
	ret = fs_read_file_at(AT_FDCWD, path, &text, 4096);
	if (ret < 0)
		return ret;
	at = strstr(strbuf_str(&text), "\nPid:");
	if (!at)
		return -ESRCH;
	at += strlen("\nPid:");
	pid = numbers_take(&at);
	return pid > 0 && pid <= INT32_MAX ? (pid_t)pid : -ESRCH;
}
