/* The steps of a create that bring up the virtual machine, its proxy and the guest. */
#include "runtime/sandbox/create_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "agent/proto/proxyhome.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/sock.h"
#include "runtime/sandbox/attach.h"
#include "runtime/sandbox/execs.h"
#include "runtime/sandbox/tail.h"

enum {
	PROXY_BACKLOG = 16,
	CONSOLE_TAIL_LINES = 4,
	VMM_TAIL_LINES = 3,
	END_TIMEOUT_MS = 5000,
	EXECS_GRACE_MS = 500,
	PROXY_ARGS_MAX = 16,
};

bool create_needs_link(const struct create *create)
{
	return (create->machine.hypervisor->caps & HV_CAP_LOSSY_CHANNEL) ||
	       create->config.proxy.acknowledged_link;
}

int step_sockets(struct create *create, struct error *err)
{
	struct machine *machine = &create->machine;

	if (create->cached_fd < 0) {
		machine->dir = create->rec.dir_path;
		machine->dir_fd = create->rec.dir_fd;
	}
	machine->uuid = create->rec.state.uuid;
	machine->name = arena_printf(&create->arena, "sandbox-%s", create->rec.state.id);
	if (!machine->name)
		return err_set(err, -ENOMEM, "name the virtual machine");
	create->proxy_fd =
		sock_listen_at(create->rec.dir_fd, PROXYHOME_SOCKET, 0600, PROXY_BACKLOG);
	if (create->proxy_fd < 0)
		return err_set(err, create->proxy_fd, "make the socket '%s/%s'",
			       create->rec.dir_path, PROXYHOME_SOCKET);
	return create->cached_fd < 0 ? machine_open(machine, err) : 0;
}

/* In the VMM's process, before it is executed. */
static int prepare_vmm(void *arg, struct error *err)
{
	struct create *create = arg;
	int ret = create_record_self(&create->rec, &create->rec.state.vmm, err);

	if (ret < 0 || !create_shares(create))
		return ret;
	return share_mount_all(&create->share, err);
}

static int open_log(const struct create *create, const char *name, struct error *err)
{
	int fd = openat(create->rec.dir_fd, name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	return fd < 0 ? err_set(err, -errno, "make '%s/%s'", create->rec.dir_path, name) : fd;
}

int create_launch(struct create *create, struct vm_spec *spec, struct error *err)
{
	struct record_state *state = &create->rec.state;
	int ret;

	spec->unshare_flags = CLONE_NEWNS;
	spec->prepare = prepare_vmm;
	spec->prepare_arg = create;
	if (create->netns_fd >= 0)
		spec->join_ns[spec->n_join_ns++] = create->netns_fd;
	ret = machine_launch(&create->machine, spec, err);
	if (ret < 0)
		return ret;
	state->vmm = create->machine.vm.vmm;
	state->accelerator = arena_strdup(&create->rec.arena, create->machine.vm.accelerator);
	return record_save(&create->rec, err);
}

/* As a clone of the template if there is one. */
static int launch(struct create *create, const struct template *template, struct error *err)
{
	struct vm_spec spec;
	int ret = machine_spec(&create->machine, &create->arena, &spec, err);

	if (ret < 0)
		return ret;
	if (create_needs_link(create))
		spec.extra_kernel_params = "AGENT_LINK=1";
	if (template) {
		spec.memory_file = template->memory_file;
		spec.incoming = true;
	}
	return create_launch(create, &spec, err);
}

/* Should this machine be a clone, and is there a template for it? What stands in the way is told
 * once. */
static bool find_template(struct create *create)
{
	const char *wanted = create->config.factory.enable_template;
	struct error err = { 0 };
	int ret;

	if (!strcmp(wanted, "false") || create->machine.n_nics > 0)
		return false;
	/* A template has been spoken to without. */
	if (create->config.proxy.acknowledged_link)
		return false;
	if (!(create->machine.hypervisor->caps & HV_CAP_SNAPSHOT)) {
		if (!strcmp(wanted, "true"))
			log_warning(
				"enable_template = true, but %s cannot restore virtual machines",
				create->machine.hypervisor->name);
		return false;
	}
	ret = template_get(&create->template, &create->config, &create->machine, &err);
	if (ret < 0 && ret != -EAGAIN)
		create->template_trouble = arena_strdup(&create->arena, err.text);
	return ret == 0;
}

/* A machine that boots has the right size from the start; a clone has its template's and grows. */
static void resize(struct machine *machine, uint32_t vcpus, uint32_t memory_mib)
{
	machine->vcpus = vcpus;
	machine->memory_mib = memory_mib;
}

int step_vm(struct create *create, struct error *err)
{
	struct machine *machine = &create->machine;

	if (create->cached_fd >= 0)
		return 0;
	/* What there is no room for is in the template from the start. */
	if (create->wanted_vcpus > machine->max_vcpus)
		resize(machine, create->wanted_vcpus, machine->memory_mib);
	if (create->wanted_memory_mib > machine->max_memory_mib)
		resize(machine, machine->vcpus, create->wanted_memory_mib);
	create->restored = find_template(create);
	if (!create->restored)
		resize(machine, create->wanted_vcpus, create->wanted_memory_mib);
	return launch(create, create->restored ? &create->template : NULL, err);
}

static int restore(struct create *create, struct error *err)
{
	if (strcmp(create->template.accelerator, create->machine.vm.accelerator) != 0)
		return err_msg(err, -EINVAL, "the template was made with %s",
			       create->template.accelerator);
	return machine_restore(&create->machine, create->template.state_fd, err);
}

/* A clone gets its state. What goes wrong with the template is no reason to fail: the machine
 * boots. */
int step_restore(struct create *create, struct error *err)
{
	int ret = create->restored && create->cached_fd < 0 ? restore(create, err) : 0;

	if (ret < 0) {
		/* One that is only slow is not at fault, and a busy host is no news to its user. */
		if (ret == -ETIMEDOUT) {
			log_info("restore '%s': %s; booting the virtual machine instead",
				 create->template.dir, err->text);
		} else {
			create->template_trouble = arena_printf(&create->arena, "restore '%s': %s",
								create->template.dir, err->text);
			template_discard(&create->template);
		}
		create->restored = false;
		ret = machine_stop(&create->machine, err);
		resize(&create->machine, create->wanted_vcpus, create->wanted_memory_mib);
		if (ret == 0)
			ret = launch(create, NULL, err);
	}
	/* Its sockets are its own now: when it dies, whoever is connected must see it. */
	machine_launched(&create->machine);
	return ret;
}

/* Its command line, but for the socket; who starts another in its place finds it on disk. */
static int proxy_args(struct create *create, const char **argv, struct error *err)
{
	const char *dir = create->rec.dir_path;
	const char *uri = arena_printf(&create->arena, "unix://%s/%s", dir, PROXYHOME_SOCKET);
	const char *console = arena_printf(&create->arena, "%s/%s", dir, FILE_CONSOLE_LOG);
	const char *state = arena_printf(&create->arena, "%s/%s", dir, PROXYHOME_SESSIONS);
	const char *const args[] = {
		create->config.proxy.path,
		"-uri",
		uri,
		"-console-log",
		console,
		"-state",
		state,
		"-log",
		log_get_level() == LOG_DEBUG ? "debug" : "warn",
		create_needs_link(create) ? "-link" : NULL,
		NULL,
	};

	if (!uri || !console || !state)
		return err_set(err, -ENOMEM, "start '%s'", args[0]);
	memcpy(argv, args, sizeof(args));
	return proxyhome_save(create->rec.dir_fd, args, err);
}

int step_proxy(struct create *create, struct error *err)
{
	const char *argv[PROXY_ARGS_MAX] = { NULL };
	auto_close int log = open_log(create, PROXYHOME_LOG, err);
	struct spawn sp = { .path = create->config.proxy.path, .argv = argv, .setsid = true };
	size_t n = 0;
	int ret = log < 0 ? log : proxy_args(create, argv, err);

	if (ret < 0)
		return ret;
	while (argv[n])
		n++;
	argv[n++] = "-listen-fd";
	argv[n++] = "3";
	sp.fds[sp.n_fds++] = (struct spawn_fd){ create->proxy_fd, 3 };
	sp.fds[sp.n_fds++] = (struct spawn_fd){ log, 1 };
	sp.fds[sp.n_fds++] = (struct spawn_fd){ log, 2 };
	ret = create_spawn(create, &sp, &create->rec.state.proxy, err);
	if (ret == 0)
		ret = proxyhome_note(create->rec.dir_fd, &create->rec.state.proxy, err);
	if (ret < 0)
		return ret;
	ret = client_open(&create->client, create->rec.dir_fd, PROXYHOME_SOCKET, err);
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
	if (ret != -ETIMEDOUT && create->machine.pidfd >= 0)
		(void)!sock_wait_readable(create->machine.pidfd, 200);
	tail_add(&vmm, create->machine.dir_fd, MACHINE_VMM_LOG, VMM_TAIL_LINES);
	tail_add(&console, create->rec.dir_fd, FILE_CONSOLE_LOG, CONSOLE_TAIL_LINES);
	if (ret == -ETIMEDOUT)
		err_msg(err, ret, "the guest did not answer within %u s (create_container_timeout)",
			create->config.runtime.create_container_timeout_s);
	else if (!proc_is_alive(&create->rec.state.vmm))
		err_msg(err, ret, "'%s' ended before the guest was ready",
			create->machine.config->path);
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

/* What a clone is told before it is asked for anything. */
static int adopt_clone(struct create *create, const struct client_wait *wait, struct error *err)
{
	struct machine *machine = &create->machine;
	bool grows = create->wanted_vcpus > machine->vcpus ||
		     create->wanted_memory_mib > machine->memory_mib;
	int ret = agent_give_identity(&create->client, wait, err);

	if (ret < 0 || !grows)
		return ret;
	ret = machine_grow(machine, create->wanted_vcpus, create->wanted_memory_mib, err);
	if (ret == 0)
		ret = agent_online(&create->client, machine->vcpus, machine->memory_mib, wait, err);
	return ret < 0 ? err_ctx(err, "grow the virtual machine to %u vCPUs and %u MiB",
				 create->wanted_vcpus, create->wanted_memory_mib)
		       : 0;
}

static const char *file_path(struct create *create, const char *name)
{
	return arena_printf(&create->arena, "%s/%s", create->machine.dir, name);
}

int step_guest(struct create *create, struct error *err)
{
	const struct client_wait wait = create_wait(create);
	const struct agent_vm vm = {
		.sandbox_id = create->rec.state.id,
		.ctl_path = file_path(create, MACHINE_CTL_SOCKET),
		.tty_path = file_path(create, MACHINE_TTY_SOCKET),
		.console_path = file_path(create, MACHINE_CONSOLE_SOCKET),
	};
	const struct call_startpod pod = {
		.hostname = create->spec.hostname ? create->spec.hostname : create->rec.state.id,
		.share_dir = create_shares(create) ? MACHINE_SHARE_TAG : NULL,
		.msize = create->machine.config->msize_9p,
	};
	int ret = agent_register(&create->client, &vm, err);

	if (ret == 0)
		ret = agent_registered(&create->client, &wait, create->token, err);
	if (ret == 0)
		attach_keep(&create->rec, &create->client);
	if (ret == 0 && create->restored)
		ret = adopt_clone(create, &wait, err);
	if (ret == 0)
		ret = create_start_pod(create, &pod, &wait, err);
	if (ret < 0)
		return guest_failed(create, ret, err);
	create->rec.state.vcpus = create->machine.vcpus;
	create->rec.state.memory_mib = create->machine.memory_mib;
	/* A machine that does not come up at all is told about once, by the boot. */
	if (create->template_trouble)
		log_warning("%s; booted the virtual machine instead", create->template_trouble);
	return 0;
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

/* Its backend knows how it is ended, and what it leaves on the host. */
void undo_vm(struct record *rec)
{
	const char *name = rec->state.hypervisor;
	const struct hypervisor_ops *hypervisor = name ? hypervisor_find(name) : NULL;
	const struct vm vm = { .vmm = rec->state.vmm };
	struct error err = { 0 };

	if (!hypervisor)
		kill_recorded(&rec->state.vmm);
	else if (hypervisor->stop(&vm, &err) < 0)
		log_warning("%s", err.text);
}

void undo_proxy(struct record *rec)
{
	proxyhome_end(rec->dir_fd);
	kill_recorded(&rec->state.proxy);
}

void undo_shim(struct record *rec)
{
	execs_end(rec->dir_fd, EXECS_GRACE_MS);
	kill_recorded(&rec->state.shim);
}
