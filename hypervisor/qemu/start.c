/* Starts the program. */
#include "hypervisor/qemu/qemu_internal.h"

#include <unistd.h>
#include "base/spawn.h"

static void map_fd(struct spawn *sp, int from, int to)
{
	if (from < 0)
		return;
	sp->fds[sp->n_fds++] = (struct spawn_fd){ .from = from, .to = to };
}

int qemu_spawn(const struct hypervisor_config *cfg, const struct vm_spec *spec,
	       const struct strvec *argv, pid_t *pid, struct error *err)
{
	/* Nothing of the caller's environment is QEMU's business. */
	static const char *const env[] = { "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C", NULL };
	struct spawn sp = {
		.path = cfg->path,
		.argv = (const char *const *)argv->items,
		.envp = env,
		.cwd = "/",
		.n_join_ns = spec->n_join_ns,
		.unshare_flags = spec->unshare_flags,
		.setsid = true,
		.ctty_fd = -1,
		.prepare = spec->prepare,
		.prepare_arg = spec->prepare_arg,
	};

	for (unsigned i = 0; i < spec->n_join_ns; i++)
		sp.join_ns[i] = spec->join_ns[i];
	map_fd(&sp, spec->log_fd, STDOUT_FILENO);
	map_fd(&sp, spec->log_fd, STDERR_FILENO);
	map_fd(&sp, spec->console_listen_fd, QEMU_FD_CONSOLE);
	map_fd(&sp, spec->control_listen_fd, QEMU_FD_CONTROL);
	for (unsigned i = 0; i < spec->n_channels; i++)
		map_fd(&sp, spec->channels[i].listen_fd, QEMU_FD_CHANNEL + (int)i);
	for (unsigned i = 0; i < spec->n_nics; i++)
		map_fd(&sp, spec->nics[i].fd, QEMU_FD_NIC + (int)i);
	return spawn_start(&sp, pid, err);
}
