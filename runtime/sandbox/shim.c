#include "runtime/sandbox/shim.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>
#include "agent/proto/proxyhome.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/sock.h"
#include "runtime/sandbox/create_internal.h"

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

/* A pipe that holds the token, so that it stands on no command line. */
static int token_pipe(const char *token, struct error *err)
{
	int ends[2], ret;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_set(err, -errno, "make a pipe");
	ret = fs_write_all(ends[1], token, strlen(token));
	close(ends[1]);
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

/*
 * Clients take the mounts of this process for the container's (podman cp enters them), and would
 * write to the host. So it sees the host's files read-only, but for the sandbox's directory, where
 * it may have to start another proxy. A kernel that cannot do that leaves it as it is.
 */
static void protect_mounts(const struct shim *shim)
{
	struct mount_attr readonly = { .attr_set = MOUNT_ATTR_RDONLY };
	struct mount_attr writable = { .attr_clr = MOUNT_ATTR_RDONLY };

	if (mount(NULL, "/", NULL, MS_SLAVE | MS_REC, NULL) < 0 ||
	    mount(shim->dir, shim->dir, NULL, MS_BIND, NULL) < 0 ||
	    mount_setattr(AT_FDCWD, "/", AT_RECURSIVE, &readonly, sizeof(readonly)) < 0 ||
	    mount_setattr(AT_FDCWD, shim->dir, 0, &writable, sizeof(writable)) < 0)
		log_debug("protect the host's files from who enters the shim's mounts: %s",
			  strerror(errno));
}

static int prepare_shim(void *arg, struct error *err)
{
	const struct shim *shim = arg;
	int ret = shim->record ? shim->record(shim->record_arg, err) : 0;

	if (ret == 0)
		protect_mounts(shim);
	return ret;
}

int shim_start(const struct shim *shim, struct proc_id *id, struct error *err)
{
	auto_close int token_fd = token_pipe(shim->token, err);
	struct shim child = *shim;
	auto_free char *uri = NULL;
	const char *argv[] = { shim->path, "-c", shim->id, "-token-fd", "3", "-u", NULL, NULL };
	const char *const envp[] = { NULL };
	struct spawn sp = {
		.path = shim->path,
		.argv = argv,
		.envp = envp,
		.setsid = shim->own_session,
		.set_ctty = shim->pty_slave_fd >= 0,
		.unshare_flags = CLONE_NEWNS,
		.prepare = prepare_shim,
		.prepare_arg = &child,
	};

	if (token_fd < 0)
		return token_fd;
	if (asprintf(&uri, "unix://%s/%s", shim->dir, PROXYHOME_SOCKET) < 0) {
		uri = NULL;
		return err_set(err, -ENOMEM, "start '%s'", shim->path);
	}
	argv[6] = uri;
	for (int fd = 0; fd < 3; fd++) {
		int from = shim->pty_slave_fd >= 0 ? shim->pty_slave_fd : fd;

		if (fcntl(from, F_GETFD) >= 0)
			sp.fds[sp.n_fds++] = (struct spawn_fd){ from, fd };
	}
	sp.fds[sp.n_fds++] = (struct spawn_fd){ token_fd, 3 };
	return shim_spawn(&sp, shim->netns_fd, id, err);
}

int shim_write_pid_file(const char *path, int64_t pid, struct error *err)
{
	char text[24];
	int len = snprintf(text, sizeof(text), "%lld", (long long)pid);
	int ret = fs_replace_at(AT_FDCWD, path, text, (size_t)len, 0644, false);

	return ret < 0 ? err_set(err, ret, "write the pid file '%s'", path) : 0;
}
