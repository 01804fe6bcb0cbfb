/* The steps of a create that bring up the virtual machine, its proxy and the guest. */
#include "runtime/sandbox/create_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/cleanup.h"
#include "base/log.h"
#include "base/sock.h"
#include "agent/proto/hyperstart.h"
#include "runtime/sandbox/tail.h"

enum { CONSOLE_TAIL_LINES = 4, VMM_TAIL_LINES = 3, END_TIMEOUT_MS = 5000 };

int step_sockets(struct create *create, struct error *err)
{
	const struct {
		const char *name;
		int *fd;
	} sockets[] = {
		{ FILE_CTL_SOCKET, &create->ctl_fd },
		{ FILE_TTY_SOCKET, &create->tty_fd },
		{ FILE_CONSOLE_SOCKET, &create->console_fd },
		{ FILE_CONTROL_SOCKET, &create->control_fd },
		{ FILE_PROXY_SOCKET, &create->proxy_fd },
	};

	for (size_t i = 0; i < sizeof(sockets) / sizeof(sockets[0]); i++) {
		*sockets[i].fd = sock_listen_at(create->rec.dir_fd, sockets[i].name, 0600, 16);
		if (*sockets[i].fd < 0)
			return err_set(err, *sockets[i].fd, "make the socket '%s/%s'",
				       create->rec.dir_path, sockets[i].name);
	}
	return 0;
}

/* In the VMM's process, before it is executed. */
static int prepare_vmm(void *arg, struct error *err)
{
	struct create *create = arg;
	int ret = create_record_self(&create->rec, &create->rec.state.vmm, err);

	return ret < 0 ? ret : share_mount_all(&create->share, err);
}

static int open_log(const struct create *create, const char *name, struct error *err)
{
	int fd = openat(create->rec.dir_fd, name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	return fd < 0 ? err_set(err, -errno, "make '%s/%s'", create->rec.dir_path, name) : fd;
}

int step_vm(struct create *create, struct error *err)
{
	const struct hypervisor_config *cfg = create->hypervisor_config;
	struct record_state *state = &create->rec.state;
	auto_close int log = open_log(create, FILE_VMM_LOG, err);
	struct vm_spec spec = {
		.name = arena_printf(&create->arena, "sandbox-%s", state->id),
		.uuid = state->uuid,
		.dir = create->rec.dir_path,
		.vcpus = cfg->default_vcpus,
		.memory_mib = cfg->default_memory_mib,
		.channels = { { HYPER_CHANNEL_CTL, create->ctl_fd },
			      { HYPER_CHANNEL_TTY, create->tty_fd } },
		.n_channels = 2,
		.console_listen_fd = create->console_fd,
		.control_listen_fd = create->control_fd,
		.share_dir = create->share.dir,
		.share_tag = SHARE_TAG,
		.log_fd = log,
		.unshare_flags = CLONE_NEWNS,
		.prepare = prepare_vmm,
		.prepare_arg = create,
	};
	struct vm vm = { 0 };
	int ret;

	if (log < 0)
		return log;
	if (create->netns_fd >= 0)
		spec.join_ns[spec.n_join_ns++] = create->netns_fd;
	ret = create->hypervisor->launch(cfg, &spec, &vm, err);
	if (ret < 0)
		return ret;
	state->vmm = vm.vmm;
	state->accelerator = arena_strdup(&create->rec.arena, vm.accelerator);
	create->vmm_pidfd = proc_open(&vm.vmm);
	if (create->vmm_pidfd == -ESRCH)
		create->vmm_pidfd = -1;
	/* Its sockets are its own now: when it dies, whoever is connected must see it. */
	cleanup_close(&create->ctl_fd);
	cleanup_close(&create->tty_fd);
	cleanup_close(&create->console_fd);
	cleanup_close(&create->control_fd);
	return record_save(&create->rec, err);
}

int step_proxy(struct create *create, struct error *err)
{
	const char *path = create->config.proxy.path;
	const char *console =
		arena_printf(&create->arena, "%s/%s", create->rec.dir_path, FILE_CONSOLE_LOG);
	const char *uri = arena_printf(&create->arena, "unix://%s/%s", create->rec.dir_path,
				       FILE_PROXY_SOCKET);
	const char *const argv[] = {
		path,	      "-uri", uri,
		"-listen-fd", "3",    "-console-log",
		console,      "-log", log_get_level() == LOG_DEBUG ? "debug" : "warn",
		NULL
	};
	auto_close int log = open_log(create, FILE_PROXY_LOG, err);
	struct spawn sp = { .path = path, .argv = argv, .setsid = true };
	int ret;

	if (log < 0)
		return log;
	sp.fds[sp.n_fds++] = (struct spawn_fd){ create->proxy_fd, 3 };
	sp.fds[sp.n_fds++] = (struct spawn_fd){ log, 1 };
	sp.fds[sp.n_fds++] = (struct spawn_fd){ log, 2 };
	ret = create_spawn(create, &sp, &create->rec.state.proxy, err);
	if (ret < 0)
		return ret;
	ret = client_open(&create->client, create->rec.dir_fd, FILE_PROXY_SOCKET, err);
	create->client.interrupt_fd = create->request->interrupt_fd;
	cleanup_close(&create->proxy_fd);
	return ret;
}

/* Explains why the guest did not come up. */
static int guest_failed(struct create *create, int ret, struct error *err)
{
	auto_strbuf struct strbuf vmm = { 0 };
	auto_strbuf struct strbuf console = { 0 };
	struct error cause = *err;

	if (ret == -EINTR)
		return ret;
	/* The proxy may see the VM's sockets close before its process is gone. */
	if (ret != -ETIMEDOUT && create->vmm_pidfd >= 0)
		(void)!sock_wait_readable(create->vmm_pidfd, 200);
	tail_add(&vmm, create->rec.dir_fd, FILE_VMM_LOG, VMM_TAIL_LINES);
	tail_add(&console, create->rec.dir_fd, FILE_CONSOLE_LOG, CONSOLE_TAIL_LINES);
	if (ret == -ETIMEDOUT)
		err_msg(err, ret, "the guest did not answer within %u s (create_container_timeout)",
			create->config.runtime.create_container_timeout_s);
	else if (!proc_is_alive(&create->rec.state.vmm))
		err_msg(err, ret, "'%s' ended before the guest was ready",
			create->hypervisor_config->path);
	else
		err_msg(err, ret, "the guest did not come up: %s", cause.text);
	if (vmm.len > 0)
		err_msg(err, ret, "%s; it said: %s", (cause = *err).text, strbuf_str(&vmm));
	if (console.len > 0)
		err_msg(err, ret, "%s; end of the guest's console: %s", (cause = *err).text,
			strbuf_str(&console));
	else if (ret == -ETIMEDOUT)
		err_msg(err, ret, "%s; the guest's console is empty", (cause = *err).text);
	return ret;
}

static const char *file_path(struct create *create, const char *name)
{
	return arena_printf(&create->arena, "%s/%s", create->rec.dir_path, name);
}

int step_guest(struct create *create, struct error *err)
{
	const struct client_wait wait = create_wait(create);
	const struct agent_vm vm = {
		.sandbox_id = create->rec.state.id,
		.ctl_path = file_path(create, FILE_CTL_SOCKET),
		.tty_path = file_path(create, FILE_TTY_SOCKET),
		.console_path = file_path(create, FILE_CONSOLE_SOCKET),
	};
	const struct call_startpod pod = {
		.hostname = create->spec.hostname ? create->spec.hostname : create->rec.state.id,
		.share_dir = SHARE_TAG,
	};
	int ret = agent_register(&create->client, &vm, err);

	if (ret == 0)
		ret = agent_registered(&create->client, &wait, create->token, err);
	if (ret == 0)
		ret = agent_call(&create->client, CALL_STARTPOD, NULL, &call_startpod_type, &pod,
				 &wait, err);
	return ret < 0 ? guest_failed(create, ret, err) : 0;
}

static void kill_recorded(const struct proc_id *id)
{
	struct error err = { 0 };
	int ret = proc_signal(id, SIGKILL);

	if (ret == 0)
		ret = proc_wait_gone(id, END_TIMEOUT_MS);
	if (ret < 0 && ret != -ESRCH) {
		err_set(&err, ret, "end process %lld", (long long)id->pid);
		log_warning("%s", err.text);
	}
}

void undo_vm(struct record *rec)
{
	kill_recorded(&rec->state.vmm);
}

void undo_proxy(struct record *rec)
{
	kill_recorded(&rec->state.proxy);
}

void undo_shim(struct record *rec)
{
	kill_recorded(&rec->state.shim);
}
