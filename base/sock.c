#include "base/sock.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"

static int new_socket(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return fd < 0 ? -errno : fd;
}

/* Fills addr with "/proc/self/fd/<fd>" and, when name is not NULL, "/<name>". */
static int address_of_fd(struct sockaddr_un *addr, int fd, const char *name)
{
	int len = snprintf(addr->sun_path, sizeof(addr->sun_path), "/proc/self/fd/%d%s%s", fd,
			   name ? "/" : "", name ? name : "");

	addr->sun_family = AF_UNIX;
	return len < (int)sizeof(addr->sun_path) ? 0 : -ENAMETOOLONG;
}

/* Opens the directory that holds dir/path and points *base at the last component. Returns an O_PATH
 * fd. */
static int open_parent(int dir, const char *path, const char **base)
{
	const char *slash = strrchr(path, '/');
	char parent[PATH_MAX];
	size_t len = slash ? (size_t)(slash - path) + 1 : 0;
	int fd;

	*base = path + len;
	if (**base == '\0')
		return -EINVAL;
	if (len >= sizeof(parent))
		return -ENAMETOOLONG;
	memcpy(parent, path, len);
	parent[len] = '\0';
	fd = openat(dir, len ? parent : ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* Makes way for a new socket, but never by removing anything that is not one. */
static int remove_old(int dir, const char *name)
{
	struct stat st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -EEXIST;
	return unlinkat(dir, name, 0) < 0 && errno != ENOENT ? -errno : 0;
}

int sock_listen_at(int dir, const char *name, mode_t mode, int backlog)
{
	const char *base;
	auto_close int parent = open_parent(dir, name, &base);
	auto_close int fd = -1;
	struct sockaddr_un addr;
	int ret;

	if (parent < 0)
		return parent;
	ret = address_of_fd(&addr, parent, base);
	if (ret < 0)
		return ret;
	ret = remove_old(parent, base);
	if (ret < 0)
		return ret;
	fd = new_socket();
	if (fd < 0)
		return fd;
	/* The socket file is born with this mode less the umask: there is no moment in which it is
	 * too open. */
	if (fchmod(fd, mode) < 0)
		return -errno;
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		return -errno;
	if (fchmodat(parent, base, mode, 0) < 0 || listen(fd, backlog) < 0) {
		ret = -errno;
		(void)unlinkat(parent, base, 0);
		return ret;
	}
	return take_fd(&fd);
}

enum { CONNECT_TIMEOUT_S = 10 };

int sock_connect_at(int dir, const char *name)
{
	static const struct timeval limit = { .tv_sec = CONNECT_TIMEOUT_S };
	static const struct timeval none = { 0 };
	auto_close int target = openat(dir, name, O_PATH | O_CLOEXEC);
	auto_close int fd = -1;
	struct sockaddr_un addr;
	struct pollfd pfd;
	socklen_t len = sizeof(int);
	int ret, failure;

	if (target < 0)
		return -errno;
	ret = address_of_fd(&addr, target, NULL);
	if (ret < 0)
		return ret;
	fd = new_socket();
	if (fd < 0)
		return fd;
	if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) < 0)
		return -errno;
	failure = connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 ? errno : 0;
	if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &none, sizeof(none)) < 0)
		return -errno;
	if (failure != EINTR)
		return failure ? -failure : take_fd(&fd);
	/* An interrupted connect() goes on by itself: its end shows as writability. */
	pfd = (struct pollfd){ .fd = fd, .events = POLLOUT };
	while (poll(&pfd, 1, -1) < 0)
		if (errno != EINTR)
			return -errno;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &ret, &len) < 0)
		return -errno;
	return ret ? -ret : take_fd(&fd);
}

int sock_accept(int fd, bool nonblock)
{
	int ret;

	do {
		ret = accept4(fd, NULL, NULL, SOCK_CLOEXEC | (nonblock ? SOCK_NONBLOCK : 0));
	} while (ret < 0 && errno == EINTR);
	return ret < 0 ? -errno : ret;
}

int sock_peer(int fd, pid_t *pid, uid_t *uid)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0)
		return -errno;
	*pid = cred.pid;
	*uid = cred.uid;
	return 0;
}

int sock_send_fd(int sock, int fd, const char *text)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct iovec iov = { .iov_base = (void *)text, .iov_len = strlen(text) };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);
	ssize_t n;

	/* A descriptor does not travel without at least one byte of body. */
	if (iov.iov_len == 0)
		return -EINVAL;
	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cmsg), &fd, sizeof(int));
	do {
		n = sendmsg(sock, &msg, MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	return (size_t)n == iov.iov_len ? 0 : -EMSGSIZE;
}

int sock_set_nonblock(int fd, bool on)
{
	int flags = fcntl(fd, F_GETFL);
	int wanted;

	if (flags < 0)
		return -errno;
	wanted = on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
	if (wanted != flags && fcntl(fd, F_SETFL, wanted) < 0)
		return -errno;
	return 0;
}

int sock_wait_readable(int fd, int timeout_ms)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN | POLLRDHUP };
	int64_t end_ms = timeout_ms < 0 ? 0 : clock_now_ms() + timeout_ms;
	int left_ms = timeout_ms;

	for (;;) {
		int ret = poll(&pfd, 1, left_ms);

		if (ret > 0)
			return pfd.revents & POLLNVAL ? -EBADF : 1;
		if (ret == 0)
			return 0;
		if (errno != EINTR)
			return -errno;
		if (timeout_ms >= 0) {
			int64_t left = end_ms - clock_now_ms();

			left_ms = left > 0 ? (int)left : 0;
		}
	}
}
