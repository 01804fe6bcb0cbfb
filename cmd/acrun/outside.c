#include "cmd/acrun/outside.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "base/cleanup.h"
#include "base/sock.h"

int outside_check_preserved(uint32_t n, struct error *err)
{
	if (n == 0)
		return 0;
	return err_msg(
		err, -EOPNOTSUPP,
		"--preserve-fds %u: descriptors of the host do not reach into a virtual machine",
		n);
}

int outside_send_pidfd(const char *path, int64_t pid, struct error *err)
{
	auto_close int sock = sock_connect_at(AT_FDCWD, path);
	auto_close int fd = -1;
	int ret = sock;

	if (sock < 0)
		return err_set(err, ret, "connect to the pidfd socket '%s'", path);
	fd = (int)syscall(SYS_pidfd_open, (pid_t)pid, 0);
	if (fd < 0)
		return err_set(err, -errno, "open a pidfd of %d", (int)pid);
	ret = sock_send_fd(sock, fd, "pidfd");
	return ret < 0 ? err_set(err, ret, "send the pidfd to '%s'", path) : 0;
}
