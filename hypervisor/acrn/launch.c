/* Starting and stopping device models. */
#include "hypervisor/acrn/acrn_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/spawn.h"
#include "hypervisor/acrn/argv.h"
#include "hypervisor/acrn/cpus.h"
#include "hypervisor/acrn/disks.h"
#include "hypervisor/acrn/name.h"
#include "hypervisor/acrn/ready.h"
#include "hypervisor/acrn/uuid_pool.h"
#include "hypervisor/vm.h"

enum {
	/* It may wait 5 s for a VM to become free, and touches all of the guest's memory. */
	READY_TIMEOUT_MS = 60000,
	STOP_TIMEOUT_MS = 15000,
	WORDS_MAX = 512,
};

/* One launch. */
struct launch {
	const struct acrn_platform *host;
	const struct hypervisor_config *cfg;
	const struct vm_spec *spec;
	const struct acrn_profile *profile;
	const char *device;
	struct acrn_machine machine;
	char name[ACRN_NAME_LEN + 1];
	char uuid[UUID_TEXT_LEN]; /* "": none */
	struct strbuf params;
	struct strbuf affinity;
	struct ready ready;
	struct proc_id self;
};

static void launch_done(struct launch *l)
{
	strbuf_done(&l->params);
	strbuf_done(&l->affinity);
	ready_done(&l->ready);
}

#define auto_launch __attribute__((cleanup(launch_done)))

static const struct {
	int code;
	const char *meaning;
} exit_codes[] = {
	{ 0, "it was told to end, or the guest powered off" },
	{ 1, "it could not set the virtual machine up" },
	{ 10, "it cannot load the kernel" },
	{ 11, "it cannot load the initrd" },
	{ 64, "it does not understand an option" },
};

void acrn_explain_status(int status, char *out, size_t len)
{
	int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;

	for (size_t i = 0; i < sizeof(exit_codes) / sizeof(exit_codes[0]); i++) {
		if (exit_codes[i].code == code) {
			(void)snprintf(out, len, "exit status %d: %s", code, exit_codes[i].meaning);
			return;
		}
	}
	if (WIFSIGNALED(status))
		(void)snprintf(out, len, "killed by signal %d", WTERMSIG(status));
	else
		(void)snprintf(out, len, "exit status %d", code);
}

/* A UUID belongs to this process until the VMM's is there to have it. */
static int take_uuid(struct launch *l, struct error *err)
{
	struct uuid_list list;
	uint32_t max = 0;
	int ret;

	if (!l->profile->by_uuid)
		return 0;
	ret = uuid_list_parse(l->cfg->vm_uuids, &list, err);
	if (ret == 0 && l->cfg->max_vms == 0)
		ret = platform_max_vms(l->host, l->profile, l->device, &max, err);
	else
		max = l->cfg->max_vms;
	if (ret == 0)
		ret = proc_identify(getpid(), &l->self);
	if (ret < 0)
		return ret;
	return uuid_pool_take(l->cfg->host_dir, &list, max, l->name, &l->self, l->uuid, err);
}

static void give_uuid_back(struct launch *l)
{
	struct error err;

	if (l->uuid[0] && uuid_pool_release(l->cfg->host_dir, l->uuid, &l->self, &err) < 0)
		log_warning("%s", err.text);
}

static int describe(struct launch *l, struct error *err)
{
	int ret = machine_describe(&l->machine, l->profile, l->cfg, l->spec, &l->params, err);

	if (ret == 0)
		ret = cpus_choose(l->host, l->profile, l->cfg->cpu_affinity, l->spec->vcpus,
				  name_spread(l->name), &l->affinity, err);
	l->machine.name = l->name;
	l->machine.affinity = strbuf_str(&l->affinity);
	return ret;
}

/* Everything that is to be there, and nothing that an earlier VM has left. */
static int make_room(struct launch *l, struct error *err)
{
	const struct vm_spec *spec = l->spec;
	int ret = ready_expect(&l->ready, spec->console_path, err);

	for (unsigned i = 0; i < spec->n_channels && ret == 0; i++)
		ret = ready_expect(&l->ready, spec->channels[i].path, err);
	if (ret == 0)
		ret = ready_expect(&l->ready, l->machine.control, err);
	control_sweep(ACRN_MONITOR_DIR, l->name, 0);
	return ret;
}

static int save_machine(const struct launch *l, struct error *err)
{
	auto_close int dir_fd = fs_open_dir_at(AT_FDCWD, l->spec->dir);

	if (dir_fd < 0)
		return err_set(err, dir_fd, "open '%s'", l->spec->dir);
	return disks_save_machine(dir_fd, &l->machine, l->cfg->control_path, err);
}

/* In the VMM's process, before it is executed: from now on the UUID lives and dies with it. */
static int prepare(void *arg, struct error *err)
{
	const struct launch *l = arg;
	struct proc_id vmm;
	int ret = 0;

	if (l->uuid[0]) {
		ret = proc_identify(getpid(), &vmm);
		if (ret < 0)
			return err_set(err, ret, "identify the device model");
		ret = uuid_pool_hand_over(l->cfg->host_dir, l->uuid, &l->self, &vmm, err);
	}
	if (ret == 0 && l->spec->prepare)
		ret = l->spec->prepare(l->spec->prepare_arg, err);
	return ret;
}

static int spawn_model(struct launch *l, const struct strvec *argv, pid_t *pid, struct error *err)
{
	/* It runs shells and a compiler of ACPI tables: they need a PATH. */
	static const char *const env[] = { "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C", NULL };
	const struct vm_spec *spec = l->spec;
	struct spawn sp = {
		.path = l->cfg->path,
		.argv = (const char *const *)argv->items,
		.envp = env,
		.cwd = "/",
		.n_join_ns = spec->n_join_ns,
		.unshare_flags = spec->unshare_flags,
		.setsid = true,
		.ctty_fd = -1,
		.prepare = prepare,
		.prepare_arg = l,
	};

	for (unsigned i = 0; i < spec->n_join_ns; i++)
		sp.join_ns[i] = spec->join_ns[i];
	if (spec->log_fd >= 0) {
		sp.fds[sp.n_fds++] = (struct spawn_fd){ spec->log_fd, STDOUT_FILENO };
		sp.fds[sp.n_fds++] = (struct spawn_fd){ spec->log_fd, STDERR_FILENO };
	}
	return spawn_start(&sp, pid, err);
}

/* Ended, or not ready in time. Its own words come only when it has ended: it writes its log in
 * pieces of 4 KiB. */
static int failed(const struct launch *l, pid_t pid, const struct proc_id *vmm, int ret,
		  struct error *err)
{
	struct error why = *err;
	struct error ignored;
	char words[WORDS_MAX];
	char what[128];
	int status = 0;

	if (ret != -ECHILD && vm_kill(vmm, &ignored) < 0)
		log_warning("%s", ignored.text);
	if (ret == -ECHILD && spawn_wait(pid, STOP_TIMEOUT_MS, &status) == 0)
		acrn_explain_status(status, what, sizeof(what));
	else
		(void)snprintf(what, sizeof(what), "%.100s", why.text);
	if (ret == -ECHILD)
		err_msg(err, ret, "'%s' ended (%s)", l->cfg->path, what);
	else
		err_msg(err, ret, "'%s' does not come up: %s", l->cfg->path, what);
	why = *err;
	if (vm_last_words(l->spec->log_fd, words, sizeof(words)) > 0)
		err_msg(err, ret, "%s; it said: %s", why.text, words);
	control_sweep(ACRN_MONITOR_DIR, l->name, 0);
	ready_remove(&l->ready);
	return ret;
}

static int start(struct launch *l, struct vm *vm, struct error *err)
{
	auto_strvec struct strvec argv = { 0 };
	pid_t pid;
	int ret;

	l->machine.uuid = l->uuid;
	ret = machine_argv(&l->machine, &argv, err);
	if (ret == 0)
		ret = make_room(l, err);
	if (ret == 0)
		ret = save_machine(l, err);
	if (ret < 0)
		return ret;
	ret = spawn_model(l, &argv, &pid, err);
	if (ret < 0)
		return err_ctx(err, "start the virtual machine");
	*vm = (struct vm){ 0 };
	(void)snprintf(vm->accelerator, sizeof(vm->accelerator), ACRN_TABLE "-%s",
		       l->profile->name);
	ret = proc_identify(pid, &vm->vmm);
	if (ret == 0)
		ret = ready_wait(&l->ready, pid, READY_TIMEOUT_MS, err);
	else
		ret = -ECHILD;
	return ret < 0 ? failed(l, pid, &vm->vmm, ret, err) : 0;
}

int acrn_launch_on(const struct acrn_platform *host, const struct hypervisor_config *cfg,
		   const struct vm_spec *spec, struct vm *vm, struct error *err)
{
	auto_launch struct launch l = {
		.host = host, .cfg = cfg, .spec = spec, .ready = READY_INIT
	};
	struct acrn_host_found found;
	int ret = acrn_look(cfg, host, &found, err);

	if (ret < 0)
		return ret;
	l.profile = found.profile;
	l.device = found.device;
	name_of_vm(spec->name, spec->dir, l.name);
	ret = describe(&l, err);
	if (ret == 0)
		ret = take_uuid(&l, err);
	if (ret < 0)
		return ret;
	ret = start(&l, vm, err);
	if (ret < 0)
		give_uuid_back(&l);
	return ret;
}

int acrn_launch(const struct hypervisor_config *cfg, const struct vm_spec *spec, struct vm *vm,
		struct error *err)
{
	return acrn_launch_on(&acrn_host, cfg, spec, vm, err);
}

/* Never SIGTERM: once the guest has ACPI it is ignored for good, before that it leaves everything
 * behind. */
int acrn_stop(const struct vm *vm, struct error *err)
{
	int status;
	int ret;

	if (vm->vmm.pid == 0)
		return 0;
	ret = proc_signal(&vm->vmm, SIGINT);
	if (ret == 0)
		ret = proc_wait_gone(&vm->vmm, STOP_TIMEOUT_MS);
	if (ret == -ETIMEDOUT)
		log_warning("virtual machine (pid %lld) still runs %d s after SIGINT: killing it",
			    (long long)vm->vmm.pid, STOP_TIMEOUT_MS / 1000);
	if (ret < 0 && ret != -ESRCH) {
		ret = vm_kill(&vm->vmm, err);
		if (ret < 0)
			return ret;
	}
	if (spawn_wait((pid_t)vm->vmm.pid, 0, &status) < 0)
		errno = 0; /* not a child of ours, most of the time */
	control_sweep(ACRN_MONITOR_DIR, NULL, (pid_t)vm->vmm.pid);
	return 0;
}
