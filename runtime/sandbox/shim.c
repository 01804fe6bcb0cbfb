#include "runtime/sandbox/shim.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>
#include "agent/proto/proxyhome.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/sock.h"
#include "runtime/sandbox/view.h"

enum { SETTLE_TIMEOUT_MS = 10000 };

int shim_check_terminal(bool detach, bool terminal, const char *console_socket, struct error *err)
{
	if (detach && terminal && !console_socket)
		return err_msg(
			err, -EINVAL,
			"cannot allocate tty if acrun will detach without setting console socket");
	if (console_socket && (!terminal || !detach))
		return err_msg(
			err, -EINVAL,
			"cannot use console socket if acrun will not detach or allocate tty");
	return 0;
}

/* Opens a pty and returns its master; the slave's name is put into name. */
static int open_pty(char *name, size_t len, struct error *err)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);

	if (master < 0)
		return err_set(err, -errno, "open '/dev/ptmx'");
	if (grantpt(master) < 0 || unlockpt(master) < 0 || ptsname_r(master, name, len) != 0) {
		err_set(err, -errno, "prepare a pseudo terminal");
		close(master);
		return err ? err->code : -EIO;
	}
	return master;
}

static int send_master(const char *socket_path, int master, const char *name, struct error *err)
{
	auto_close int sock = sock_connect_at(AT_FDCWD, socket_path);
	int ret = sock;

	if (sock >= 0)
		ret = sock_send_fd(sock, master, name);
	return ret < 0 ? err_set(err, ret, "send the terminal to the console socket '%s'",
				 socket_path)
		       : 0;
}

static int set_size(int fd, const char *name, const struct oci_console_size *size,
		    struct error *err)
{
	const struct winsize ws = { .ws_row = (unsigned short)size->height,
				    .ws_col = (unsigned short)size->width };

	if (!ws.ws_row || !ws.ws_col || ioctl(fd, TIOCSWINSZ, &ws) == 0)
		return 0;
	return err_set(err, -errno, "set the size of '%s'", name);
}

int shim_open_console(const char *socket_path, const struct oci_console_size *size, int *slave_fd,
		      struct error *err)
{
	auto_close int master = -1;
	auto_close int slave = -1;
	char name[64];
	int ret = 0;

	master = open_pty(name, sizeof(name), err);
	if (master < 0)
		return master;
	slave = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (slave < 0)
		return err_set(err, -errno, "open '%s'", name);
	if (size)
		ret = set_size(slave, name, size, err);
	if (ret == 0)
		ret = send_master(socket_path, master, name, err);
	if (ret == 0)
		*slave_fd = take_fd(&slave);
	return ret;
}

/*
 * A pipe that holds the token, so that it stands on no command line. The shim closes its end when
 * it has gone to its own mounts.
 */
static int token_pipe(const char *token, int *write_fd, struct error *err)
{
	int ends[2], ret;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_set(err, -errno, "make a pipe");
	*write_fd = ends[1];
	ret = fs_write_all(ends[1], token, strlen(token));
	if (ret == 0)
		ret = fs_write_all(ends[1], "\n", 1);
	if (ret == 0)
		return ends[0];
	close(ends[0]);
	return err_set(err, ret, "write to a pipe");
}

int shim_spawn(struct spawn *sp, int netns_fd, struct proc_id *id, struct error *err)
{
	pid_t pid;
	int ret;

	if (netns_fd >= 0)
		sp->join_ns[sp->n_join_ns++] = netns_fd;
	ret = spawn_start(sp, &pid, err);
	if (ret < 0)
		return ret;
	ret = proc_identify(pid, id);
	return ret < 0 ? err_set(err, ret, "'%s' ended at once", sp->path) : 0;
}

struct child {
	const struct shim *shim;
	int mounts_fd; /* what it goes to: in the child, view_make()'s is put in its place */
};

static int prepare_shim(void *arg, struct error *err)
{
	const struct child *child = arg;
	const struct shim *shim = child->shim;
	auto_close int fd = -1;
	int ret = shim->record ? shim->record(shim->record_arg, err) : 0;

	if (ret < 0 || shim->like)
		return ret;
	fd = view_make(shim->rootfs, shim->readonly, shim->dir, err);
	if (fd < 0)
		return fd;
	return dup3(fd, child->mounts_fd, O_CLOEXEC) < 0
		       ? err_set(err, -errno, "pass on descriptor %d", fd)
		       : 0;
}

static int open_mounts(const struct shim *shim, struct error *err)
{
	int fd;

	if (shim->like)
		return view_open(shim->like, err);
	fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	return fd < 0 ? err_set(err, -errno, "open '/dev/null'") : fd;
}

/* Until it has closed the pipe; one that died has, too. */
static int wait_settled(const struct shim *shim, int write_fd, struct error *err)
{
	const int64_t end_ms = clock_now_ms() + SETTLE_TIMEOUT_MS;
	struct pollfd pfd = { .fd = write_fd };
	int ret;

	do {
		int64_t left_ms = end_ms - clock_now_ms();

		ret = poll(&pfd, 1, left_ms > 0 ? (int)left_ms : 0);
	} while (ret < 0 && errno == EINTR);
	if (ret > 0)
		return 0;
	return err_set(err, ret < 0 ? -errno : -ETIMEDOUT, "wait for '%s' to get ready",
		       shim->path);
}

enum { SHIM_ARGS_MAX = 16 };

int shim_start(const struct shim *shim, struct proc_id *id, struct error *err)
{
	auto_close int write_fd = -1;
	auto_close int token_fd = token_pipe(shim->token, &write_fd, err);
	auto_close int mounts_fd = token_fd < 0 ? -1 : open_mounts(shim, err);
	struct child child = { shim, mounts_fd };
	auto_free char *uri = NULL;
	const char *argv[SHIM_ARGS_MAX] = { shim->path, "-c",		shim->id, "-token-fd",
					    "3",	"-mount-ns-fd", "4",	  "-u" };
	size_t n = 8;
	const char *const envp[] = { NULL };
	struct spawn sp = {
		.path = shim->path,
		.argv = argv,
		.envp = envp,
		.setsid = shim->own_session,
		.set_ctty = shim->pty_slave_fd >= 0,
		.prepare = prepare_shim,
		.prepare_arg = &child,
	};
	int ret;

	if (mounts_fd < 0)
		return token_fd < 0 ? token_fd : mounts_fd;
	if (asprintf(&uri, "unix://%s/%s", shim->dir, PROXYHOME_SOCKET) < 0) {
		uri = NULL;
		return err_set(err, -ENOMEM, "start '%s'", shim->path);
	}
	argv[n++] = uri;
	if (shim->counts_fd >= 0) {
		argv[n++] = "-counts-fd";
		argv[n++] = "5";
	}
	if (shim->from) {
		argv[n++] = "-from";
		argv[n++] = shim->from;
	}
	for (int fd = 0; fd < 3; fd++) {
		int from = shim->pty_slave_fd >= 0 ? shim->pty_slave_fd : fd;

		if (fcntl(from, F_GETFD) >= 0)
			sp.fds[sp.n_fds++] = (struct spawn_fd){ from, fd };
	}
	sp.fds[sp.n_fds++] = (struct spawn_fd){ token_fd, 3 };
	sp.fds[sp.n_fds++] = (struct spawn_fd){ mounts_fd, 4 };
	if (shim->counts_fd >= 0)
		sp.fds[sp.n_fds++] = (struct spawn_fd){ shim->counts_fd, 5 };
	ret = shim_spawn(&sp, shim->netns_fd, id, err);
	cleanup_close(&token_fd);
	return ret < 0 ? ret : wait_settled(shim, write_fd, err);
}

int shim_write_pid_file(const char *path, int64_t pid, struct error *err)
{
	char text[24];
	int len = snprintf(text, sizeof(text), "%lld", (long long)pid);
	int ret = fs_replace_at(AT_FDCWD, path, text, (size_t)len, 0644, false);

	return ret < 0 ? err_set(err, ret, "write the pid file '%s'", path) : 0;
}
