#include "hypervisor/acrn/argv.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

static bool is_set(const char *text)
{
	return text && *text;
}

uint32_t machine_slot(uint32_t i)
{
	return i < ACRN_SLOT_RESERVED ? i : i + 1;
}

int machine_add(struct acrn_machine *machine, const struct acrn_device *device, struct error *err)
{
	if (machine_slot(machine->n_devices) >= ACRN_SLOTS) {
		err_msg(err, -E2BIG, "no slot is left for a device: there are %d",
			(int)ACRN_SLOTS - 1);
		return err_hint(err, "lower block_slots in [hypervisor.acrn]");
	}
	machine->devices[machine->n_devices++] = *device;
	return 0;
}

static int check_name(const struct acrn_machine *machine, struct error *err)
{
	const char *name = machine->name;

	if (!is_set(name))
		return err_msg(err, -EINVAL, "the virtual machine has no name");
	if (strlen(name) > machine->profile->name_max)
		return err_msg(err, -ENAMETOOLONG,
			       "name '%s' has %zu bytes, ACRN %s takes %u at most", name,
			       strlen(name), machine->profile->name, machine->profile->name_max);
	for (const char *c = name; *c; c++)
		if (!isalnum((unsigned char)*c) && (c == name || !strchr("-_", *c)))
			return err_msg(err, -EINVAL, "name '%s' of the virtual machine", name);
	return 0;
}

static int check_affinity(const struct acrn_machine *machine, struct error *err)
{
	const struct acrn_profile *profile = machine->profile;

	if (!is_set(machine->affinity) && profile->affinity_needed) {
		err_msg(err, -EINVAL, "ACRN %s has to be told the CPUs of a virtual machine",
			profile->name);
		return err_hint(err, "set cpu_affinity in [hypervisor.acrn]");
	}
	if (is_set(machine->affinity) && profile->affinity == ACRN_AFFINITY_NONE)
		return err_msg(err, -ENOTSUP,
			       "ACRN %s cannot be told the CPUs of a virtual machine",
			       profile->name);
	/* It stops reading at what it does not understand. */
	if (is_set(machine->affinity) &&
	    machine->affinity[strspn(machine->affinity, "0123456789,")] != '\0')
		return err_msg(err, -EINVAL, "list of CPUs '%s'", machine->affinity);
	return 0;
}

static int check_file(const char *path, const char *what, struct error *err)
{
	if (path[0] != '/')
		return err_msg(err, -EINVAL, "%s '%s' is not an absolute path", what, path);
	if (strlen(path) > ACRN_DEVICE_PATH_MAX)
		return err_msg(err, -ENAMETOOLONG,
			       "the path of the %s has %zu bytes, the limit is "
			       "%d",
			       what, strlen(path), ACRN_DEVICE_PATH_MAX);
	return 0;
}

static int check_boot(const struct acrn_machine *machine, struct error *err)
{
	size_t len = machine->params ? strlen(machine->params) : 0;
	int ret;

	if (!is_set(machine->kernel))
		return err_msg(err, -EINVAL, "no kernel is configured");
	ret = check_file(machine->kernel, "kernel", err);
	if (ret == 0 && is_set(machine->initrd))
		ret = check_file(machine->initrd, "initrd", err);
	if (ret < 0 || len <= ACRN_BOOTARGS_MAX)
		return ret;
	err_msg(err, -E2BIG, "the kernel's command line has %zu bytes, the limit is %d", len,
		ACRN_BOOTARGS_MAX);
	return err_hint(err, "shorten kernel_params in [hypervisor.acrn]");
}

static int check_control(const struct acrn_machine *machine, struct error *err)
{
	const char *path = machine->control;

	if (!path)
		return 0;
	if (!machine->profile->cmd_monitor)
		return err_msg(err, -ENOTSUP, "ACRN %s has no control socket of ours to make",
			       machine->profile->name);
	if (path[0] != '/' || strlen(path) > ACRN_SOCKET_PATH_MAX)
		return err_msg(err, -ENAMETOOLONG,
			       "control socket '%s': an absolute path of at most %d bytes is "
			       "needed",
			       path, ACRN_SOCKET_PATH_MAX);
	return 0;
}

static int check_machine(const struct acrn_machine *machine, struct error *err)
{
	int ret = check_name(machine, err);

	if (ret == 0)
		ret = check_affinity(machine, err);
	if (ret == 0)
		ret = check_boot(machine, err);
	if (ret == 0)
		ret = check_control(machine, err);
	if (ret == 0 && machine->memory_mib == 0)
		ret = err_msg(err, -EINVAL, "VM memory cannot be zero");
	if (ret == 0 && is_set(machine->uuid) && !machine->profile->by_uuid)
		ret = err_msg(err, -ENOTSUP, "ACRN %s gives its virtual machines no UUID",
			      machine->profile->name);
	for (uint32_t i = 0; i < machine->n_devices && ret == 0; i++)
		ret = device_check(&machine->devices[i], machine->profile, err);
	return ret;
}

static uint32_t round_memory(uint32_t mib)
{
	if (mib < ACRN_MEMORY_MIN_MIB)
		return ACRN_MEMORY_MIN_MIB;
	return mib + mib % ACRN_MEMORY_STEP_MIB;
}

static void add(struct strvec *argv, const char *option, const char *value)
{
	if (!is_set(value))
		return;
	(void)strvec_add(argv, option);
	(void)strvec_add(argv, value);
}

int machine_argv(const struct acrn_machine *machine, struct strvec *argv, struct error *err)
{
	int ret = check_machine(machine, err);

	if (ret < 0)
		return ret;
	(void)strvec_add(argv, machine->path);
	add(argv, "-U", machine->uuid);
	if (machine->profile->acpi_flag)
		(void)strvec_add(argv, "-A");
	(void)strvec_add(argv, "-m");
	(void)strvec_addf(argv, "%uM", round_memory(machine->memory_mib));
	for (uint32_t i = 0; i < machine->n_devices; i++)
		device_add(&machine->devices[i], machine->profile, machine_slot(i), argv);
	add(argv, "--cpu_affinity", machine->affinity);
	add(argv, "--cmd_monitor", machine->control);
	add(argv, "-k", machine->kernel);
	add(argv, "-r", machine->initrd);
	add(argv, "-B", machine->params);
	(void)strvec_add(argv, machine->name);
	ret = strvec_error(argv);
	return ret < 0 ? err_set(err, ret, "build the command line of the device model") : 0;
}
