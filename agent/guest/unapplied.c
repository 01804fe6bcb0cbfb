#include "agent/guest/unapplied.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "agent/guest/procattr.h"
#include "oci/names.h"

static bool is_set(const char *text)
{
	return text && *text;
}

static void add_if(bool present, const char *member, const char *why, struct strvec *out)
{
	if (present)
		(void)strvec_addf(out, "%s is not applied: %s", member, why);
}

static bool has_clamps(const struct oci_scheduler *scheduler)
{
	for (size_t i = 0; scheduler && i < scheduler->flags.len; i++)
		if (strncmp(scheduler->flags.items[i], "SCHED_FLAG_UTIL_CLAMP_",
			    strlen("SCHED_FLAG_UTIL_CLAMP_")) == 0)
			return true;
	return false;
}

static void list_unknown_caps(const char *set, const struct json_strs *names, struct strvec *out)
{
	for (size_t i = 0; i < names->len; i++)
		if (oci_capability_number(names->items[i]) < 0)
			(void)strvec_addf(
				out,
				"process.capabilities.%s[%zu] is not applied: there is no "
				"capability \"%s\"",
				set, i, names->items[i]);
}

static void list_capabilities(const struct oci_capabilities *caps, struct strvec *out)
{
	if (!caps)
		return;
	list_unknown_caps("bounding", &caps->bounding, out);
	list_unknown_caps("effective", &caps->effective, out);
	list_unknown_caps("inheritable", &caps->inheritable, out);
	list_unknown_caps("permitted", &caps->permitted, out);
	list_unknown_caps("ambient", &caps->ambient, out);
}

static void list_process(const struct oci_process *process, struct strvec *out)
{
	list_capabilities(process->capabilities, out);
	add_if(is_set(process->apparmor_profile), "process.apparmorProfile",
	       "the guest's kernel runs no AppArmor", out);
	add_if(is_set(process->selinux_label), "process.selinuxLabel",
	       "the guest's kernel runs no SELinux", out);
	add_if(has_clamps(process->scheduler) && !procattr_has_clamps(), "process.scheduler.flags",
	       "the guest's kernel has no utilisation clamps", out);
}

static void list_memory(const struct oci_memory *memory, struct strvec *out)
{
	const char *old = "cgroup version 2 has no such limit";

	if (!memory)
		return;
	add_if(memory->kernel.set && memory->kernel.value > 0, "linux.resources.memory.kernel", old,
	       out);
	add_if(memory->kernel_tcp.set && memory->kernel_tcp.value > 0,
	       "linux.resources.memory.kernelTCP", old, out);
	add_if(memory->swappiness.set, "linux.resources.memory.swappiness", old, out);
	add_if(memory->disable_oom_killer.set && memory->disable_oom_killer.value,
	       "linux.resources.memory.disableOOMKiller", "cgroup version 2 can't switch it off",
	       out);
}

static bool has_block_io(const struct oci_block_io *io)
{
	return io && ((io->weight.set && io->weight.value) ||
		      (io->leaf_weight.set && io->leaf_weight.value) || io->weight_device.len ||
		      io->throttle_read_bps.len || io->throttle_write_bps.len ||
		      io->throttle_read_iops.len || io->throttle_write_iops.len);
}

static void list_resources(const struct oci_linux_resources *r, struct strvec *out)
{
	if (!r)
		return;
	list_memory(r->memory, out);
	add_if(r->cpu && ((r->cpu->realtime_runtime_us.set && r->cpu->realtime_runtime_us.value) ||
			  (r->cpu->realtime_period_us.set && r->cpu->realtime_period_us.value)),
	       "linux.resources.cpu.realtimeRuntime and realtimePeriod",
	       "cgroup version 2 has no such limit", out);
	add_if(has_block_io(r->block_io), "linux.resources.blockIO",
	       "the container's files come from the host by a share, not from a disk of the guest",
	       out);
	add_if(r->network && ((r->network->class_id.set && r->network->class_id.value) ||
			      r->network->priorities.len),
	       "linux.resources.network", "cgroup version 2 has no such setting", out);
	add_if(r->rdma.len > 0, "linux.resources.rdma", "the guest has no RDMA devices", out);
}

static bool has_capability(const struct oci_process *process, const char *name)
{
	const struct oci_capabilities *caps = process ? process->capabilities : NULL;

	for (size_t i = 0; caps && i < caps->effective.len; i++)
		if (strcasecmp(caps->effective.items[i], name) == 0)
			return true;
	return false;
}

/* The network of a machine belongs to its own root. */
static void list_network(const struct oci_spec *spec, struct strvec *out)
{
	static const char *const names[] = { "CAP_NET_ADMIN", "CAP_NET_RAW" };

	if (!oci_spec_namespace(spec, "user"))
		return;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (has_capability(spec->process, names[i]))
			(void)strvec_addf(out,
					  "process.capabilities: %s has no effect on the network, "
					  "which does not belong to the user namespace",
					  names[i]);
}

static void list_linux(const struct oci_linux *l, struct strvec *out)
{
	add_if(is_set(l->mount_label), "linux.mountLabel", "the guest's kernel runs no SELinux",
	       out);
	add_if(l->intel_rdt, "linux.intelRdt", "a virtual machine can't divide the host's caches",
	       out);
	add_if(l->net_devices.len > 0, "linux.netDevices",
	       "interfaces come from the network namespace", out);
	list_resources(l->resources, out);
}

void unapplied_list(const struct oci_spec *spec, struct strvec *out)
{
	if (spec->process)
		list_process(spec->process, out);
	list_network(spec, out);
	if (spec->linux_)
		list_linux(spec->linux_, out);
}
