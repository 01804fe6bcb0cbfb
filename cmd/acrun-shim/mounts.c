#include "cmd/acrun-shim/mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "agent/proto/proxyhome.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/sock.h"
#include "base/spawn.h"

enum { REVIVE_MS = 0 /* another that is at it is not waited for: the next attempt finds out */ };

int mounts_leave(struct mounts *mounts, int mnt_ns_fd, struct error *err)
{
	mounts->ns_fd = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
	mounts->root_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (mounts->ns_fd < 0 || mounts->root_fd < 0)
		return err_set(err, -errno, "remember the host's mounts");
	if (setns(mnt_ns_fd, CLONE_NEWNS) < 0)
		return err_set(err, -errno, "go to the container's mounts");
	mounts->is_away = true;
	return 0;
}

int mounts_return(const struct mounts *mounts, struct error *err)
{
	if (!mounts->is_away)
		return 0;
	if (setns(mounts->ns_fd, CLONE_NEWNS) == 0 && fchdir(mounts->root_fd) == 0 &&
	    chroot(".") == 0)
		return 0;
	return err_set(err, -errno, "go back to the host's mounts");
}

static int revive(const char *socket_path)
{
	const char *slash = strrchr(socket_path, '/');
	char dir[4096];
	struct error err = { 0 };
	int ret;

	if (!slash || strcmp(slash + 1, PROXYHOME_SOCKET) != 0 ||
	    snprintf(dir, sizeof(dir), "%.*s", (int)(slash - socket_path), socket_path) >=
		    (int)sizeof(dir))
		return -ENOENT;
	auto_close int dir_fd = fs_open_dir_at(AT_FDCWD, dir);

	if (dir_fd < 0)
		return dir_fd;
	ret = proxyhome_revive(dir_fd, REVIVE_MS, &err);
	if (ret < 0)
		log_debug("%s", err.text);
	return ret;
}

static int find_proxy(const char *socket_path)
{
	int fd = sock_connect_at(AT_FDCWD, socket_path);

	if ((fd == -ECONNREFUSED || fd == -ENOENT) && revive(socket_path) == 0)
		fd = sock_connect_at(AT_FDCWD, socket_path);
	return fd;
}

struct errand {
	const struct mounts *mounts;
	const char *socket_path;
	int result_fd; /* a socket for the connection */
};

static int run_errand(void *arg, struct error *err)
{
	const struct errand *errand = arg;
	auto_close int fd = -1;
	int ret = mounts_return(errand->mounts, err);

	if (ret < 0)
		return ret;
	fd = find_proxy(errand->socket_path);
	return fd < 0 ? fd : sock_send_fd(errand->result_fd, fd, "proxy");
}

/* The descriptor that was sent; it is there already. */
static int receive_fd(int sock)
{
	char text[8];
	struct iovec iov = { .iov_base = text, .iov_len = sizeof(text) };
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = &control,
			      .msg_controllen = sizeof(control) };
	const struct cmsghdr *head;
	int fd;

	if (recvmsg(sock, &msg, MSG_CMSG_CLOEXEC | MSG_DONTWAIT) < 0)
		return -errno;
	head = CMSG_FIRSTHDR(&msg);
	if (!head || head->cmsg_type != SCM_RIGHTS || head->cmsg_len != CMSG_LEN(sizeof(fd)))
		return -EBADMSG;
	memcpy(&fd, CMSG_DATA(head), sizeof(fd));
	return fd;
}

int mounts_find_proxy(const struct mounts *mounts, const char *socket_path)
{
	struct errand errand = { .mounts = mounts, .socket_path = socket_path };
	struct error err = { 0 };
	int ends[2], ret;

	if (!mounts->is_away)
		return find_proxy(socket_path);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return -errno;
	errand.result_fd = ends[1];
	ret = spawn_call(run_errand, &errand, &err);
	if (ret == 0)
		ret = receive_fd(ends[0]);
	else if (err.code)
		log_debug("%s", err.text);
	(void)close(ends[0]);
	(void)close(ends[1]);
	return ret;
}
