#include "hypervisor/qemu/qemu.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/spawn.h"
#include "hypervisor/asset.h"
#include "hypervisor/qemu/accel.h"
#include "hypervisor/qemu/qemu_internal.h"
#include "hypervisor/vm.h"

#define TABLE "qemu"

static int check_program(const char *path, struct error *err)
{
	struct stat st;
	int ret = 0;

	if (!path || path[0] != '/') {
		err_msg(err, -EINVAL, "'%s' is not the absolute path of a program",
			path ? path : "");
		return err_hint(err, "set path in [hypervisor." TABLE "]");
	}
	if (stat(path, &st) < 0 || (S_ISREG(st.st_mode) && access(path, X_OK) < 0))
		ret = -errno;
	else if (!S_ISREG(st.st_mode))
		ret = -EACCES;
	if (ret == 0)
		return 0;
	err_set(err, ret, "cannot run '%s'", path);
	return err_hint(err, "install qemu-system-x86, or set path in [hypervisor." TABLE "]");
}

static int check_boot_files(const struct hypervisor_config *cfg, struct error *err)
{
	int ret = asset_check_kernel(cfg->kernel, TABLE, err);

	if (ret < 0)
		return ret;
	if (cfg->image && *cfg->image)
		return asset_check_file(cfg->image, "image", TABLE, err);
	return asset_check_file(cfg->initrd, "initrd", TABLE, err);
}

static int qemu_check(const struct hypervisor_config *cfg, struct error *err)
{
	int ret;

	const struct qemu_machine *machine = machine_find(cfg->machine_type);

	if (!machine)
		return machine_unknown(cfg->machine_type, err);
	if (cfg->shared_fs && !strcmp(cfg->shared_fs, "none") &&
	    cfg->block_slots > machine->disk_slots) {
		err_msg(err, -ENOTSUP,
			"shared_fs = \"none\" with room for %u disks: machine_type '%s' has room "
			"for %u",
			cfg->block_slots, machine->name, machine->disk_slots);
		return err_hint(err, machine->disk_slots ? "lower block_slots in [hypervisor." TABLE
							   "]"
							 : "set machine_type = \"q35\" in "
							   "[hypervisor." TABLE "]");
	}
	ret = check_program(cfg->path, err);
	if (ret < 0)
		return ret;
	ret = check_boot_files(cfg, err);
	if (ret < 0)
		return ret;
	if (cfg->entropy_source && *cfg->entropy_source && access(cfg->entropy_source, R_OK) < 0) {
		err_set(err, -errno, "cannot read entropy_source '%s'", cfg->entropy_source);
		return err_hint(err, "set entropy_source in [hypervisor." TABLE "], \"\" for none");
	}
	return 0;
}

/* Ended before we could even look at it: its own words are the best explanation. */
static int died_at_once(const struct hypervisor_config *cfg, const struct vm_spec *spec, pid_t pid,
			struct error *err)
{
	char words[512];
	int status = 0;

	if (spawn_wait(pid, 0, &status) < 0)
		status = 0;
	if (vm_last_words(spec->log_fd, words, sizeof(words)) == 0)
		(void)snprintf(words, sizeof(words), "exit status %d", spawn_exit_code(status));
	return err_msg(err, -ECHILD, "'%s' ended at once: %s", cfg->path, words);
}

/* QEMU takes any file, makes one that is missing and lengthens one that is empty: a clone would get
 * memory full of zeros then, a template somebody's old bytes. */
static int check_memory_file(const struct vm_spec *spec, struct error *err)
{
	uint64_t want = spec->incoming ? (uint64_t)spec->memory_mib << 20 : 0;
	struct stat st;

	if (!spec->memory_file)
		return 0;
	if (stat(spec->memory_file, &st) < 0)
		return err_set(err, -errno, "memory file '%s'", spec->memory_file);
	if (!S_ISREG(st.st_mode))
		return err_msg(err, -EINVAL, "memory file '%s' is no regular file",
			       spec->memory_file);
	if ((uint64_t)st.st_size != want)
		return err_msg(err, -EINVAL, "memory file '%s' has %lld bytes instead of %llu",
			       spec->memory_file, (long long)st.st_size, (unsigned long long)want);
	return 0;
}

static int qemu_launch(const struct hypervisor_config *cfg, const struct vm_spec *spec,
		       struct vm *vm, struct error *err)
{
	auto_strvec struct strvec argv = { 0 };
	struct vm_spec full = *spec;
	const char *accelerator;
	pid_t pid;
	int ret;

	ret = check_memory_file(spec, err);
	if (ret < 0)
		return ret;
	ret = accel_decide(cfg, &accelerator, err);
	if (ret < 0)
		return ret;
	if (!full.tsc_khz && !full.incoming && !strcmp(accelerator, "tcg"))
		full.tsc_khz = tsc_measure_khz();
	ret = qemu_argv(cfg, &full, accelerator, &argv, err);
	if (ret < 0)
		return ret;
	ret = qemu_spawn(cfg, &full, &argv, &pid, err);
	if (ret < 0) {
		struct error why;

		/* A missing program is better explained by the check. */
		if (check_program(cfg->path, &why) < 0)
			return err_msg(err, why.code, "%s", why.text);
		return err_ctx(err, "start the virtual machine");
	}
	*vm = (struct vm){ 0 };
	(void)snprintf(vm->accelerator, sizeof(vm->accelerator), "%s", accelerator);
	if (proc_identify(pid, &vm->vmm) < 0)
		return died_at_once(cfg, &full, pid, err);
	return 0;
}

static int qemu_stop(const struct vm *vm, struct error *err)
{
	return vm_kill(&vm->vmm, err);
}

static bool qemu_can_grow(const struct hypervisor_config *cfg)
{
	const struct qemu_machine *machine = machine_find(cfg->machine_type);

	return machine && machine->hotplug;
}

static unsigned qemu_nic_slots(const struct hypervisor_config *cfg)
{
	const struct qemu_machine *machine = machine_find(cfg->machine_type);

	return machine ? machine->nic_slots : 0;
}

const struct hypervisor_ops qemu_ops = {
	.name = TABLE,
	.caps = HV_CAP_SHARED_DIR | HV_CAP_PAUSE | HV_CAP_SNAPSHOT | HV_CAP_CPU_HOTPLUG |
		HV_CAP_MEMORY_HOTPLUG | HV_CAP_NET_HOTPLUG | HV_CAP_NIC_FD | HV_CAP_BLOCK_HOTPLUG,
	.check = qemu_check,
	.check_host = qemu_check_host,
	.argv = qemu_argv,
	.launch = qemu_launch,
	.stop = qemu_stop,
	.pause = qemu_pause,
	.resume = qemu_resume,
	.save = qemu_save,
	.restore = qemu_restore,
	.describe = qemu_describe,
	.can_grow = qemu_can_grow,
	.add_cpus = qemu_add_cpus,
	.add_memory = qemu_add_memory,
	.nic_slots = qemu_nic_slots,
	.add_nic = qemu_add_nic,
	.add_disk = qemu_add_disk,
};
