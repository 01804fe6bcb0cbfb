#include "cmd/acrun-shim/stdio.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "base/cleanup.h"

enum { CAREFUL_WRITE = 4096 /* a pipe that polls writable takes this much */ };

static void close_range_of(unsigned first, unsigned last)
{
	if (first > last)
		return;
	if (syscall(SYS_close_range, first, last, 0) == 0)
		return;
	/* Kernels before 5.9. */
	for (unsigned fd = first; fd < 1024 && fd <= last; fd++)
		(void)close((int)fd);
}

void stdio_claim(struct stdio stdio[static 3], const int keep[static 2])
{
	int low = keep[0] < keep[1] ? keep[0] : keep[1];
	int high = keep[0] < keep[1] ? keep[1] : keep[0];
	unsigned first = 3;

	for (int fd = 0; fd < 3; fd++) {
		stdio[fd] = (struct stdio){ .fd = fd, .io_fd = fd, .kind = STDIO_CAREFUL };
		if (fcntl(fd, F_GETFD) >= 0)
			continue;
		/* The lowest free number is this one. */
		(void)!open("/dev/null", O_RDWR | O_NOCTTY);
		stdio[fd].kind = STDIO_ABSENT;
	}
	if (low >= (int)first) {
		close_range_of(first, (unsigned)low - 1);
		first = (unsigned)low + 1;
	}
	if (high >= (int)first) {
		close_range_of(first, (unsigned)high - 1);
		first = (unsigned)high + 1;
	}
	close_range_of(first, ~0U);
}

void stdio_open(struct stdio *stdio)
{
	char path[32];
	struct stat st;
	int fd;

	if (stdio->kind == STDIO_ABSENT || fstat(stdio->fd, &st) < 0)
		return;
	if (S_ISSOCK(st.st_mode)) {
		stdio->kind = STDIO_SOCKET;
		return;
	}
	if (!S_ISFIFO(st.st_mode) && !S_ISCHR(st.st_mode)) {
		stdio->kind = STDIO_PLAIN;
		return;
	}
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", stdio->fd);
	fd = open(path, (stdio->fd == STDIN_FILENO ? O_RDONLY : O_WRONLY) | O_NONBLOCK | O_NOCTTY |
				O_CLOEXEC);
	if (fd < 0)
		return;
	stdio->io_fd = fd;
	stdio->kind = STDIO_OWN;
}

void stdio_close(struct stdio *stdio)
{
	if (stdio->kind == STDIO_OWN)
		cleanup_close(&stdio->io_fd);
	stdio->io_fd = stdio->fd;
	stdio->kind = STDIO_ABSENT;
}

static bool is_ready(const struct stdio *stdio, short events)
{
	struct pollfd pfd = { .fd = stdio->fd, .events = events };

	return poll(&pfd, 1, 0) > 0;
}

ssize_t stdio_read(struct stdio *stdio, void *data, size_t len)
{
	ssize_t n;

	if (stdio->kind == STDIO_ABSENT)
		return 0;
	if (stdio->kind == STDIO_CAREFUL && !is_ready(stdio, POLLIN))
		return -EAGAIN;
	n = stdio->kind == STDIO_SOCKET ? recv(stdio->fd, data, len, MSG_DONTWAIT)
					: read(stdio->io_fd, data, len);
	if (n >= 0)
		return n;
	if (errno == EAGAIN || errno == EINTR)
		return -EAGAIN;
	/* EIO is a terminal whose other end was closed; whatever else it is, there is no more to
	 * come. */
	return 0;
}

ssize_t stdio_write(struct stdio *stdio, const void *data, size_t len)
{
	ssize_t n;

	if (stdio->kind == STDIO_ABSENT)
		return (ssize_t)len;
	if (stdio->kind == STDIO_CAREFUL) {
		if (!is_ready(stdio, POLLOUT))
			return -EAGAIN;
		len = len < CAREFUL_WRITE ? len : CAREFUL_WRITE;
	}
	if (stdio->kind == STDIO_SOCKET)
		n = send(stdio->fd, data, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	else
		n = write(stdio->io_fd, data, len);
	if (n >= 0)
		return n;
	return errno == EINTR ? -EAGAIN : -errno;
}
