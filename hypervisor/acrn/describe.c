/* From configuration and VM to a machine: which devices in which order, and what the guest's kernel
 * is told. */
#include "hypervisor/acrn/argv.h"

#include <errno.h>
#include <string.h>

#include "hypervisor/acrn/name.h"

#define CONSOLE_PORT "console0"

static bool is_set(const char *text)
{
	return text && *text;
}

static int add_socket(struct acrn_machine *machine, const char *port, const char *path,
		      bool is_console, struct error *err)
{
	const struct acrn_device device = {
		.kind = ACRN_DEVICE_CONSOLE,
		.console = { .backend = ACRN_BACKEND_SOCKET,
			     .is_console = is_console,
			     .port = port,
			     .path = path },
	};

	return machine_add(machine, &device, err);
}

static int add_base(struct acrn_machine *machine, struct error *err)
{
	static const struct acrn_device bridge = { .kind = ACRN_DEVICE_BRIDGE };
	static const struct acrn_device lpc = { .kind = ACRN_DEVICE_LPC };
	int ret = machine_add(machine, &bridge, err);

	return ret < 0 ? ret : machine_add(machine, &lpc, err);
}

static int add_disks(struct acrn_machine *machine, const struct hypervisor_config *cfg,
		     struct error *err)
{
	/* All VMs have the same one: it would not survive two that write to it. */
	const struct acrn_device image = { .kind = ACRN_DEVICE_BLOCK,
					   .block = { .path = cfg->image, .readonly = true } };
	static const struct acrn_device placeholder = { .kind = ACRN_DEVICE_BLOCK };
	int ret = is_set(cfg->image) ? machine_add(machine, &image, err) : 0;

	if (ret == 0 && cfg->block_slots > ACRN_BLOCK_SLOTS_MAX) {
		err_msg(err, -EINVAL, "block_slots is %u, the limit is %d", cfg->block_slots,
			ACRN_BLOCK_SLOTS_MAX);
		return err_hint(err, "lower block_slots in [hypervisor.acrn]");
	}
	for (uint32_t i = 0; i < cfg->block_slots && ret == 0; i++)
		ret = machine_add(machine, &placeholder, err);
	return ret;
}

static int add_channels(struct acrn_machine *machine, const struct vm_spec *spec, struct error *err)
{
	int ret = 0;

	if (spec->n_channels > VM_CHANNELS_MAX)
		return err_msg(err, -EINVAL, "%u channels, the limit is %d", spec->n_channels,
			       VM_CHANNELS_MAX);
	for (unsigned i = 0; i < spec->n_channels && ret == 0; i++)
		ret = add_socket(machine, spec->channels[i].name, spec->channels[i].path, false,
				 err);
	return ret;
}

static int add_nics(struct acrn_machine *machine, const struct vm_spec *spec, struct error *err)
{
	int ret = 0;

	if (spec->n_nics > VM_NICS_MAX)
		return err_msg(err, -EINVAL, "%u interfaces, the limit is %d", spec->n_nics,
			       VM_NICS_MAX);
	for (unsigned i = 0; i < spec->n_nics && ret == 0; i++) {
		const struct vm_nic *nic = &spec->nics[i];
		const struct acrn_device device = {
			.kind = ACRN_DEVICE_NET,
			.net = { .ifname = nic->ifname, .mac = nic->mac, .macvtap = nic->macvtap },
		};

		ret = machine_add(machine, &device, err);
	}
	return ret;
}

static int add_vsock(struct acrn_machine *machine, const struct vm_spec *spec, struct error *err)
{
	const struct acrn_device device = {
		.kind = ACRN_DEVICE_VSOCK,
		.vsock = { .cid = spec->vsock_cid },
	};

	return spec->vsock_cid ? machine_add(machine, &device, err) : 0;
}

static int add_devices(struct acrn_machine *machine, const struct hypervisor_config *cfg,
		       const struct vm_spec *spec, struct error *err)
{
	int ret = add_base(machine, err);

	if (ret == 0 && is_set(spec->console_path))
		ret = add_socket(machine, CONSOLE_PORT, spec->console_path, true, err);
	if (ret == 0)
		ret = add_disks(machine, cfg, err);
	if (ret == 0)
		ret = add_channels(machine, spec, err);
	if (ret == 0)
		ret = add_nics(machine, spec, err);
	return ret < 0 ? ret : add_vsock(machine, spec, err);
}

static void put_param(struct strbuf *line, const char *param)
{
	if (!is_set(param))
		return;
	if (line->len)
		(void)strbuf_addc(line, ' ');
	(void)strbuf_adds(line, param);
}

static void put_params(const struct hypervisor_config *cfg, const struct vm_spec *spec,
		       struct strbuf *line)
{
	const char *systemd = cfg->enable_debug
				      ? "systemd.show_status=true systemd.log_level=debug "
					"systemd.log_target=kmsg printk.devkmsg=on"
				      : "systemd.show_status=false";
	uint32_t cpus = cfg->default_maxvcpus > spec->vcpus ? cfg->default_maxvcpus : spec->vcpus;

	put_param(line, "tsc=reliable no_timer_check nohpet console=tty0 console=ttyS0 "
			"console=hvc0");
	/* With its index, a log of that size takes 74 MiB. */
	if (cfg->enable_debug)
		put_param(line, "log_buf_len=16M");
	put_param(line, "consoleblank=0");
	if (is_set(cfg->image))
		put_param(line, "root=/dev/vda1 ro rootwait");
	put_param(line, cfg->enable_debug ? "debug" : "quiet");
	if (is_set(cfg->image))
		put_param(line, systemd);
	(void)strbuf_addf(line, " panic=1 maxcpus=%u", cpus);
	/* Each container boots: entropy, grace periods, self-tests of ciphers. */
	put_param(line, "random.trust_cpu=on rcupdate.rcu_expedited=1 cryptomgr.notests");
	put_param(line, spec->extra_kernel_params);
	put_param(line, cfg->kernel_params);
}

/* What other hypervisors do and this one cannot must not pass in silence. */
static int check_asked(const struct vm_spec *spec, struct error *err)
{
	if (spec->share_dir)
		return err_msg(err, -ENOTSUP, "ACRN cannot share the directory '%s' with the guest",
			       spec->share_dir);
	if (spec->memory_file || spec->incoming)
		return err_msg(err, -ENOTSUP, "ACRN cannot restore virtual machines");
	if (spec->max_vcpus > spec->vcpus || spec->max_memory_mib > spec->memory_mib)
		return err_msg(err, -ENOTSUP, "virtual machines of ACRN cannot grow");
	if (spec->nic_slots)
		return err_msg(err, -ENOTSUP,
			       "interfaces of ACRN must be there when the virtual machine boots");
	if (spec->vcpus == 0)
		return err_msg(err, -EINVAL, "VM vCPUs cannot be zero");
	return 0;
}

int machine_describe(struct acrn_machine *machine, const struct acrn_profile *profile,
		     const struct hypervisor_config *cfg, const struct vm_spec *spec,
		     struct strbuf *params, struct error *err)
{
	int ret = check_asked(spec, err);

	*machine = (struct acrn_machine){
		.profile = profile,
		.path = cfg->path,
		.memory_mib = spec->memory_mib,
		.control = profile->cmd_monitor ? spec->control_path : NULL,
		.kernel = cfg->kernel,
		.initrd = cfg->initrd,
	};
	if (ret == 0)
		ret = add_devices(machine, cfg, spec, err);
	if (ret < 0)
		return ret;
	put_params(cfg, spec, params);
	machine->params = strbuf_str(params);
	ret = strbuf_error(params);
	return ret < 0 ? err_set(err, ret, "write the kernel's command line") : 0;
}

int acrn_argv(const struct hypervisor_config *cfg, const struct vm_spec *spec,
	      const char *accelerator, struct strvec *argv, struct error *err)
{
	const struct acrn_profile *profile = profile_find(accelerator);
	auto_strbuf struct strbuf params = { 0 };
	char name[ACRN_NAME_LEN + 1];
	struct acrn_machine machine;
	int ret;

	if (!profile)
		return err_msg(err, -EINVAL, "unknown profile '%s'", accelerator);
	ret = machine_describe(&machine, profile, cfg, spec, &params, err);
	if (ret < 0)
		return ret;
	name_of_vm(spec->name, spec->dir, name);
	machine.name = name;
	machine.uuid = profile->by_uuid ? spec->uuid : NULL;
	machine.affinity = profile->affinity == ACRN_AFFINITY_NONE ? NULL : cfg->cpu_affinity;
	return machine_argv(&machine, argv, err);
}
