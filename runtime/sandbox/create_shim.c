/* The steps of a create that make the process which stands for the container on the host. */
#include "runtime/sandbox/create_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/sock.h"

struct recorded_spawn {
	struct create *create;
	struct proc_id *id;
};

static int record_child(void *arg, struct error *err)
{
	struct recorded_spawn *spawn = arg;

	return create_record_self(&spawn->create->rec, spawn->id, err);
}

int create_spawn(struct create *create, struct spawn *sp, struct proc_id *id, struct error *err)
{
	struct recorded_spawn arg = { create, id };
	pid_t pid;
	int ret;

	if (create->netns_fd >= 0)
		sp->join_ns[sp->n_join_ns++] = create->netns_fd;
	sp->prepare = record_child;
	sp->prepare_arg = &arg;
	ret = spawn_start(sp, &pid, err);
	if (ret < 0)
		return ret;
	ret = proc_identify(pid, id);
	return ret < 0 ? err_set(err, ret, "'%s' ended at once", sp->path) : 0;
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

int step_console(struct create *create, struct error *err)
{
	const struct oci_console_size *size = create->spec.process->console_size;
	auto_close int master = -1;
	char name[64];

	if (!create->request->console_socket)
		return 0;
	master = open_pty(name, sizeof(name), err);
	if (master < 0)
		return master;
	create->pty_slave_fd = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (create->pty_slave_fd < 0)
		return err_set(err, -errno, "open '%s'", name);
	if (size && size->height && size->width) {
		const struct winsize ws = { .ws_row = (unsigned short)size->height,
					    .ws_col = (unsigned short)size->width };

		if (ioctl(create->pty_slave_fd, TIOCSWINSZ, &ws) < 0)
			return err_set(err, -errno, "set the size of '%s'", name);
	}
	return send_master(create->request->console_socket, master, name, err);
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

int step_shim(struct create *create, struct error *err)
{
	const char *path = create->config.shim.path;
	const char *uri = arena_printf(&create->arena, "unix://%s/%s", create->rec.dir_path,
				       FILE_PROXY_SOCKET);
	const char *const argv[] = { path, "-c", create->rec.state.id, "-token-fd", "3", "-u",
				     uri,  NULL };
	const char *const envp[] = { NULL };
	auto_close int token_fd = token_pipe(create->token, err);
	bool own_session = create->request->detach || !create->spec.process->terminal;
	struct spawn sp = { .path = path, .argv = argv, .envp = envp, .setsid = own_session };

	if (token_fd < 0)
		return token_fd;
	for (int fd = 0; fd < 3; fd++) {
		int from = create->pty_slave_fd >= 0 ? create->pty_slave_fd : fd;

		if (fcntl(from, F_GETFD) >= 0)
			sp.fds[sp.n_fds++] = (struct spawn_fd){ from, fd };
	}
	sp.fds[sp.n_fds++] = (struct spawn_fd){ token_fd, 3 };
	sp.set_ctty = create->pty_slave_fd >= 0;
	return create_spawn(create, &sp, &create->rec.state.shim, err);
}
