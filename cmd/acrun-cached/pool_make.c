/* Making one machine of the pool. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/stat.h>
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/log.h"
#include "cmd/acrun-cached/pool.h"
#include "hypervisor/vm.h"
#include "runtime/factory/cache_dir.h"
#include "runtime/factory/template.h"
#include "runtime/factory/warm.h"
#include "runtime/storage/share.h"

static int set_up(struct pool_machine *pooled, struct error *err)
{
	struct machine *machine = &pooled->machine;

	machine_copy_shape(machine, pooled->pool->shape);
	uuid_generate_text(pooled->uuid);
	machine->uuid = pooled->uuid;
	machine->name = "cache";
	machine->dir = arena_printf(&pooled->arena, "%s/%s", pooled->pool->path, pooled->uuid);
	if (!machine->dir)
		return err_set(err, -ENOMEM, "make a machine");
	machine->dir_fd = fs_mkdir_open_at(pooled->pool->dir_fd, pooled->uuid, 0700);
	if (machine->dir_fd < 0)
		return err_set(err, machine->dir_fd, "make '%s'", machine->dir);
	if (mkdirat(machine->dir_fd, MACHINE_SHARE, 0700) < 0)
		return err_set(err, -errno, "make '%s/%s'", machine->dir, MACHINE_SHARE);
	return machine_open(machine, err);
}

/* In the VMM's process, before it is executed. */
static int prepare_vmm(void *arg, struct error *err)
{
	const struct pool_machine *pooled = arg;
	const struct share nothing_yet = { .dir = pooled->machine.dir };
	int ret = cache_machine_record_self(pooled->machine.dir_fd, err);

	return ret < 0 ? ret : share_mount_all(&nothing_yet, err);
}

static int launch(struct pool_machine *pooled, const struct template *template, struct error *err)
{
	struct vm_spec spec;
	int ret = machine_spec(&pooled->machine, &pooled->arena, &spec, err);

	if (ret < 0)
		return ret;
	/* Its network is made when it is known whose it is. */
	spec.unshare_flags = CLONE_NEWNS | CLONE_NEWNET;
	spec.prepare = prepare_vmm;
	spec.prepare_arg = pooled;
	if (template) {
		spec.memory_file = template->memory_file;
		spec.incoming = true;
	}
	return machine_launch(&pooled->machine, &spec, err);
}

static int restore(struct pool_machine *pooled, const struct template *template, struct error *err)
{
	int ret;

	if (strcmp(template->accelerator, pooled->machine.vm.accelerator) != 0)
		ret = err_msg(err, -EINVAL, "the template was made with %s", template->accelerator);
	else
		ret = machine_restore(&pooled->machine, template->state_fd, err);
	if (ret < 0)
		template_discard(template);
	return ret;
}

static void quote_vmm(const struct pool_machine *pooled, struct error *err)
{
	char words[512];

	if (vm_last_words(pooled->machine.log_fd, words, sizeof(words)) > 0)
		err_hint(err, "%s said: %s", pooled->machine.hypervisor->name, words);
}

/* Once this has failed it is not tried again: machines that are not warm serve as well. */
static int warm(struct pool_machine *pooled, struct error *err)
{
	const struct config *config = pooled->pool->config;
	int64_t deadline_ms = clock_now_ms() +
			      (int64_t)config->runtime.create_container_timeout_s * 1000;
	int ret;

	if (pooled->pool->stays_cold)
		return 0;
	ret = warm_up(&pooled->machine, config->shim.path, deadline_ms, err);
	pooled->pool->stays_cold = ret < 0;
	return ret;
}

static int run(struct pool_machine *pooled, const struct template *template, struct error *err)
{
	int ret = launch(pooled, template, err);

	if (ret == 0 && template)
		ret = restore(pooled, template, err);
	if (ret == 0 && pooled->machine.pidfd < 0)
		ret = err_msg(err, -ECHILD, "it ended at once");
	if (ret < 0) {
		quote_vmm(pooled, err);
		return ret;
	}
	machine_launched(&pooled->machine);
	ret = warm(pooled, err);
	return ret < 0 ? ret : cache_machine_publish(pooled->machine.dir_fd, err);
}

int pool_make_machine(struct pool_machine *pooled, struct error *err)
{
	const struct config *config = pooled->pool->config;
	struct template template = TEMPLATE_INIT;
	bool cloned = false;
	int ret = 0;

	if (strcmp(config->factory.enable_template, "false") != 0) {
		ret = template_get(&template, config, pooled->pool->shape, err);
		cloned = ret == 0;
		if (ret < 0 && ret != -EAGAIN)
			log_warning("%s; booting the virtual machine instead", err->text);
		err_clear(err);
	}
	ret = set_up(pooled, err);
	if (ret == 0)
		ret = run(pooled, cloned ? &template : NULL, err);
	template_done(&template);
	return ret < 0 ? err_ctx(err, "make a machine for the VM cache") : 0;
}
