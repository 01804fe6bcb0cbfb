/* The maker's own life: one machine, from its directory to the offer. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/log.h"
#include "cmd/acrun-cached/maker_internal.h"
#include "hypervisor/vm.h"
#include "runtime/factory/cache_dir.h"
#include "runtime/factory/template.h"
#include "runtime/factory/warm.h"
#include "runtime/storage/share.h"

struct making {
	struct arena arena;
	struct config config;
	struct machine shape, machine;
	const char *path; /* of the pool's directory */
	const char *uuid;
	bool stays_cold, warm_failed;
};

static int set_up(struct making *making, struct error *err)
{
	struct machine *machine = &making->machine;

	machine_copy_shape(machine, &making->shape);
	machine->uuid = making->uuid;
	machine->name = "cache";
	machine->dir = arena_printf(&making->arena, "%s/%s", making->path, making->uuid);
	if (!machine->dir)
		return err_set(err, -ENOMEM, "make a machine");
	machine->dir_fd = fs_mkdir_open_at(MAKER_DIR_FD, making->uuid, 0700);
	if (machine->dir_fd < 0)
		return err_set(err, machine->dir_fd, "make '%s'", machine->dir);
	if (mkdirat(machine->dir_fd, MACHINE_SHARE, 0700) < 0)
		return err_set(err, -errno, "make '%s/%s'", machine->dir, MACHINE_SHARE);
	return machine_open(machine, err);
}

/* In the VMM's process, before it is executed. */
static int prepare_vmm(void *arg, struct error *err)
{
	const struct making *making = arg;
	const struct share nothing_yet = { .dir = making->machine.dir };
	int ret = cache_machine_record_self(making->machine.dir_fd, err);

	return ret < 0 ? ret : share_mount_all(&nothing_yet, err);
}

static int launch(struct making *making, const struct template *template, struct error *err)
{
	struct vm_spec spec;
	int ret = machine_spec(&making->machine, &making->arena, &spec, err);

	if (ret < 0)
		return ret;
	/* Its network is made when it is known whose it is. */
	spec.unshare_flags = CLONE_NEWNS | CLONE_NEWNET;
	spec.prepare = prepare_vmm;
	spec.prepare_arg = making;
	if (template) {
		spec.memory_file = template->memory_file;
		spec.incoming = true;
	}
	return machine_launch(&making->machine, &spec, err);
}

static int restore(struct making *making, const struct template *template, struct error *err)
{
	int ret;

	if (strcmp(template->accelerator, making->machine.vm.accelerator) != 0)
		ret = err_msg(err, -EINVAL, "the template was made with %s", template->accelerator);
	else
		ret = machine_restore(&making->machine, template->state_fd, err);
	if (ret < 0)
		template_discard(template);
	return ret;
}

static void quote_vmm(const struct making *making, struct error *err)
{
	char words[512];

	if (vm_last_words(making->machine.log_fd, words, sizeof(words)) > 0)
		err_hint(err, "%s said: %s", making->machine.hypervisor->name, words);
}

static int warm(struct making *making, struct error *err)
{
	const struct config *config = &making->config;
	int64_t deadline_ms = clock_now_ms() +
			      (int64_t)config->runtime.create_container_timeout_s * 1000;
	int ret;

	if (making->stays_cold)
		return 0;
	ret = warm_up(&making->machine, config->shim.path, deadline_ms, err);
	making->warm_failed = ret < 0;
	return ret;
}

static int run(struct making *making, const struct template *template, struct error *err)
{
	int ret = launch(making, template, err);

	if (ret == 0 && template)
		ret = restore(making, template, err);
	if (ret == 0 && making->machine.pidfd < 0)
		ret = err_msg(err, -ECHILD, "it ended at once");
	if (ret < 0) {
		quote_vmm(making, err);
		return ret;
	}
	machine_launched(&making->machine);
	ret = warm(making, err);
	return ret < 0 ? ret : cache_machine_publish(making->machine.dir_fd, err);
}

static int make(struct making *making, struct error *err)
{
	const struct config *config = &making->config;
	struct template template = TEMPLATE_INIT;
	bool cloned = false;
	int ret = 0;

	if (strcmp(config->factory.enable_template, "false") != 0) {
		ret = template_get(&template, config, &making->shape, err);
		cloned = ret == 0;
		if (ret < 0 && ret != -EAGAIN)
			log_warning("%s; booting the virtual machine instead", err->text);
		err_clear(err);
	}
	ret = set_up(making, err);
	if (ret == 0)
		ret = run(making, cloned ? &template : NULL, err);
	template_done(&template);
	return ret < 0 ? err_ctx(err, "make a machine for the VM cache") : 0;
}

static int load(struct making *making, const char *config, struct error *err)
{
	int ret = config_load(config, &making->arena, &making->config, err);

	if (ret == 0)
		ret = machine_choose(&making->shape, &making->config, err);
	if (ret < 0)
		return ret;
	making->path = cache_dir_path(making->config.factory.vm_cache_endpoint, &making->arena);
	return making->path ? 0 : err_set(err, -ENOMEM, "start");
}

static int describe(struct making *making, const char **json, struct error *err)
{
	const struct cache_machine machine = {
		.uuid = making->uuid,
		.dir = making->machine.dir,
		.accelerator = making->machine.vm.accelerator,
		.vmm = making->machine.vm.vmm,
	};

	return cache_machine_encode(&machine, &making->arena, json, err);
}

/* With the server goes its pipe: nobody would read what we tell. */
static bool server_is_dead(void)
{
	struct pollfd told = { .fd = STDOUT_FILENO };

	return poll(&told, 1, 0) > 0 && (told.revents & POLLERR);
}

int maker_run(const struct maker_order *order, struct error *err)
{
	struct making making = { .shape = MACHINE_INIT,
				 .machine = MACHINE_INIT,
				 .uuid = order->uuid,
				 .stays_cold = order->stays_cold };
	const char *json;
	int ret;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (server_is_dead())
		return err_msg(err, -EPIPE, "the server of the VM cache has ended");
	ret = load(&making, order->config, err);
	if (ret == 0)
		ret = make(&making, err);
	if (ret == 0)
		ret = describe(&making, &json, err);
	if (ret == 0)
		printf(MAKER_TELLS_READY "%s", json);
	else
		printf("%s%s", making.warm_failed ? MAKER_TELLS_NOT_WARM : MAKER_TELLS_FAILED,
		       err->text);
	machine_close(&making.machine);
	cleanup_close(&making.machine.dir_fd);
	arena_done(&making.arena);
	/* It has been told. */
	return 0;
}
