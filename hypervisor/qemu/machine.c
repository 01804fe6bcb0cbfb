#include "hypervisor/qemu/qemu_internal.h"

#include <errno.h>
#include <string.h>

#include "base/strbuf.h"

/*
 * tcg_up_params: with one vCPU the HPET takes over from the local APIC's timer, whose calibration
 * and emulation are slow. microvm has no HPET and would be left without any timer, so never there.
 * params: pc has no reset register, and without a keyboard controller the kernel would take 3 s to
 * find a way to reset. graphics=off is not among the options on purpose: it makes the firmware
 * write to the serial console. The root bus of a q35 takes no devices while it runs, only ports on
 * it do; that of a pc does.
 */
static const struct qemu_machine machines[] = {
	{
		.name = "q35",
		.options = ",vmport=off,smbus=off,sata=off,i8042=off,usb=off",
		.max_vcpus = 255,
		.tcg_params = "no_timer_check noreplace-smp",
		.tcg_up_params = "nolapic_timer",
		.hotplug = true,
		.nic_slots = 4,
		.disk_slots = 16,
		.ports = true,
		.vmgenid = true,
	},
	{
		.name = "pc",
		.options = ",vmport=off,smbus=off,i8042=off,usb=off",
		.max_vcpus = 255,
		.tcg_params = "no_timer_check noreplace-smp",
		.tcg_up_params = "nolapic_timer",
		.hotplug = true,
		.nic_slots = VM_NICS_MAX,
		.disk_slots = 12,
		.vmgenid = true,
		.params = "reboot=t",
	},
	{
		.name = "microvm",
		.options = ",pcie=on,usb=off",
		.max_vcpus = 255,
		.tcg_params = "no_timer_check noreplace-smp",
		.tcg_up_params = "",
		.needs_tsc_khz = true,
	},
};

enum { N_MACHINES = sizeof(machines) / sizeof(machines[0]) };

const struct qemu_machine *machine_find(const char *name)
{
	for (unsigned i = 0; i < N_MACHINES; i++)
		if (name && !strcmp(machines[i].name, name))
			return &machines[i];
	return NULL;
}

int machine_unknown(const char *name, struct error *err)
{
	auto_strbuf struct strbuf known = { 0 };

	for (unsigned i = 0; i < N_MACHINES; i++)
		(void)strbuf_addf(&known, "%s%s", i ? ", " : "", machines[i].name);
	err_msg(err, -EINVAL, "unknown machine_type '%s' in [hypervisor.qemu]", name ? name : "");
	return err_hint(err, "known: %s", strbuf_str(&known));
}
