/*
 * A VMM cannot be told to die with the server as long as it is pooled and to live on afterwards:
 * what the kernel offers for that (PR_SET_PDEATHSIG) only the VMM itself could switch off. So
 * nothing ties them together. The directories say what belongs to whom (cache_dir.h), and whoever
 * finds the server dead sweeps: the next server, `acrun factory destroy`, and at once this guard.
 * Should the guard be killed as well, the others are left.
 */
#include "cmd/acrun-cached/guard.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>
#include "base/cleanup.h"
#include "base/log.h"
#include "base/spawn.h"
#include "runtime/factory/cache_dir.h"

enum { LOCK_MS = 5000 };

int guard_start(const char *endpoint, int *alive_fd, pid_t *pid, struct error *err)
{
	const char *const argv[] = { "acrun-cached", "-guard", endpoint, NULL };
	struct spawn sp = { .path = "/proc/self/exe", .argv = argv, .setsid = true };
	auto_close int watch = -1;
	auto_close int alive = -1;
	int ends[2];
	int ret;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_set(err, -errno, "make a pipe");
	watch = ends[0];
	alive = ends[1];
	sp.fds[sp.n_fds++] = (struct spawn_fd){ watch, STDIN_FILENO };
	sp.fds[sp.n_fds++] = (struct spawn_fd){ STDERR_FILENO, STDERR_FILENO };
	ret = spawn_start(&sp, pid, err);
	if (ret < 0)
		return err_ctx(err, "start the guard of the VM cache");
	cleanup_close(alive_fd);
	*alive_fd = take_fd(&alive);
	return 0;
}

static void wait_for_end(void)
{
	char byte;
	ssize_t n;

	do {
		n = read(STDIN_FILENO, &byte, 1);
	} while (n > 0 || (n < 0 && errno == EINTR));
}

int guard_run(const char *endpoint, struct error *err)
{
	static const int ignored[] = { SIGTERM, SIGINT, SIGHUP, SIGPIPE };
	auto_arena struct arena arena = { 0 };
	const char *path = cache_dir_path(endpoint, &arena);
	auto_close int dir_fd = -1;
	int ret;

	for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		(void)signal(ignored[i], SIG_IGN);
	if (!path)
		return err_set(err, -ENOMEM, "guard the VM cache");
	wait_for_end();
	dir_fd = cache_dir_open(path, false, err);
	if (dir_fd < 0)
		return dir_fd == -ENOENT ? 0 : dir_fd;
	ret = cache_dir_lock(dir_fd, LOCK_MS);
	/* Another server has it, and has swept. */
	if (ret < 0)
		return 0;
	cache_dir_sweep(dir_fd);
	(void)unlink(endpoint);
	(void)rmdir(path);
	return 0;
}
