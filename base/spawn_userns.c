/* User namespaces in which nobody lives, for mounts. */
#include "base/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"

/* Tells whether there is a namespace, then keeps it until the other side is done with it. */
static _Noreturn void hold(int fd)
{
	int code = 0;
	char byte;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (unshare(CLONE_NEWUSER) < 0)
		code = errno;
	(void)!send(fd, &code, sizeof(code), MSG_NOSIGNAL);
	(void)!read(fd, &byte, 1);
	_exit(0);
}

static int fill(pid_t pid, const char *uid_map, const char *gid_map, struct error *err)
{
	const struct {
		const char *file, *text;
	} maps[] = { { "uid_map", uid_map }, { "gid_map", gid_map } };
	auto_close int dir = -1;
	char path[64];
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/%lld", (long long)pid);
	dir = fs_open_dir_at(AT_FDCWD, path);
	if (dir < 0)
		return err_set(err, dir, "open '%s'", path);
	for (size_t i = 0; i < sizeof(maps) / sizeof(maps[0]); i++) {
		int ret = fs_write_file_at(dir, maps[i].file, maps[i].text);

		if (ret < 0)
			return err_set(err, ret, "write the %s of a user namespace", maps[i].file);
	}
	fd = openat(dir, "ns/user", O_RDONLY | O_CLOEXEC);
	return fd < 0 ? err_set(err, -errno, "open '%s/ns/user'", path) : fd;
}

static int read_code(int fd)
{
	ssize_t n;
	int code;

	do {
		n = read(fd, &code, sizeof(code));
	} while (n < 0 && errno == EINTR);
	return n == sizeof(code) ? -code : -ECHILD;
}

int spawn_userns(const char *uid_map, const char *gid_map, struct error *err)
{
	auto_close int ours = -1;
	auto_close int theirs = -1;
	sigset_t all, old;
	int pair[2];
	pid_t pid;
	int ret;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_set(err, -errno, "make the socket of a helper process");
	ours = pair[0];
	theirs = pair[1];
	/* no handler of ours may run in the child */
	(void)sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, &old);
	pid = fork();
	if (pid == 0) {
		cleanup_close(&ours);
		hold(theirs);
	}
	ret = -errno;
	(void)sigprocmask(SIG_SETMASK, &old, NULL);
	if (pid < 0)
		return err_set(err, ret, "fork a helper process");
	cleanup_close(&theirs);
	ret = read_code(ours);
	ret = ret < 0 ? err_set(err, ret, "make a user namespace")
		      : fill(pid, uid_map, gid_map, err);
	cleanup_close(&ours);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return ret;
}
