#include "hypervisor/qemu/qemu_internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/strbuf.h"
#include "base/strvec.h"

enum {
	COMMAND_LINE_MAX = 2047, /* COMMAND_LINE_SIZE of x86 without the NUL */
	MEMORY_SLOTS_MAX = 256,	 /* of QEMU's machines */
};

/* What the builders of the parts work with. */
struct builder {
	const struct hypervisor_config *cfg;
	const struct vm_spec *spec;
	const struct qemu_machine *machine;
	bool kvm;
	struct strvec *argv;
};

static bool is_set(const char *text)
{
	return text && *text;
}

/* Adds an option and its value, which may have been built up in `value`; that is emptied. */
static void add_buf(struct strvec *argv, const char *option, struct strbuf *value)
{
	if (strbuf_error(value) < 0)
		argv->error = strbuf_error(value);
	(void)strvec_add(argv, option);
	(void)strvec_add(argv, strbuf_str(value));
	strbuf_clear(value);
}

static void add(struct strvec *argv, const char *option, const char *value)
{
	(void)strvec_add(argv, option);
	(void)strvec_add(argv, value);
}

/* In QEMU's option lists a comma inside a value is doubled. */
void qemu_put_escaped(struct strbuf *buf, const char *text)
{
	for (; *text; text++) {
		if (*text == ',')
			(void)strbuf_addc(buf, ',');
		(void)strbuf_addc(buf, *text);
	}
}

/* The user's own ",key=value" text behind an option list; a comma at its front is fine. */
static void put_user_options(struct strbuf *buf, const char *text)
{
	if (!is_set(text))
		return;
	if (*text != ',')
		(void)strbuf_addc(buf, ',');
	(void)strbuf_adds(buf, text);
}

static void add_identity(const struct builder *b)
{
	auto_strbuf struct strbuf v = { 0 };

	qemu_put_escaped(&v, b->spec->name);
	if (b->cfg->enable_debug)
		(void)strbuf_adds(&v, ",debug-threads=on");
	add_buf(b->argv, "-name", &v);
	if (is_set(b->spec->uuid))
		add(b->argv, "-uuid", b->spec->uuid);
}

static void add_machine(const struct builder *b)
{
	auto_strbuf struct strbuf v = { 0 };

	(void)strbuf_addf(&v, "%s,memory-backend=mem%s", b->machine->name, b->machine->options);
	put_user_options(&v, b->cfg->machine_accelerators);
	add_buf(b->argv, "-machine", &v);
	/* Translated code: a boot makes 43 MB of it. Without a limit a busy guest has QEMU grow by
	 * up to 1 GiB. */
	add(b->argv, "-accel", b->kvm ? "kvm" : "tcg,tb-size=128");
	/* The guest's kernel copies and clears by what the CPU says is fast: emulated, its string
	 * instructions take a turn for each byte, the loops without them one for eight. */
	(void)strbuf_adds(&v, b->kvm ? "host" : "max,erms=off,fsrm=off");
	put_user_options(&v, b->cfg->cpu_features);
	add_buf(b->argv, "-cpu", &v);
	(void)strbuf_addf(&v, "%u", b->spec->vcpus);
	if (b->spec->max_vcpus > b->spec->vcpus)
		(void)strbuf_addf(&v, ",maxcpus=%u", b->spec->max_vcpus);
	add_buf(b->argv, "-smp", &v);
}

static void add_memory(const struct builder *b)
{
	const struct vm_spec *spec = b->spec;
	auto_strbuf struct strbuf v = { 0 };

	(void)strbuf_addf(&v, "%uM", spec->memory_mib);
	if (spec->max_memory_mib > spec->memory_mib)
		(void)strbuf_addf(&v, ",slots=%u,maxmem=%uM", spec->memory_slots,
				  spec->max_memory_mib);
	add_buf(b->argv, "-m", &v);
	(void)strbuf_addf(&v, "memory-backend-%s,id=mem,size=%uM",
			  spec->memory_file ? "file" : "ram", spec->memory_mib);
	if (spec->memory_file) {
		(void)strbuf_adds(&v, ",mem-path=");
		qemu_put_escaped(&v, spec->memory_file);
		(void)strbuf_adds(&v, spec->memory_shared ? ",share=on" : ",share=off");
	}
	add_buf(b->argv, "-object", &v);
}

/* Listening sockets are handed over: peers may have connected before we run, QEMU accepts them when
 * it gets there. */
static void add_chardev(const struct builder *b, const char *id, int fd)
{
	auto_strbuf struct strbuf v = { 0 };

	(void)strbuf_addf(&v, "socket,id=%s,fd=%d,server=on,wait=off", id, fd);
	add_buf(b->argv, "-chardev", &v);
}

static void add_control(const struct builder *b)
{
	if (b->spec->control_listen_fd >= 0) {
		add_chardev(b, "control", QEMU_FD_CONTROL);
		add(b->argv, "-mon", "chardev=control,mode=control");
	}
	if (b->spec->console_listen_fd >= 0) {
		add_chardev(b, "console", QEMU_FD_CONSOLE);
		add(b->argv, "-serial", "chardev:console");
	}
}

static void add_channels(const struct builder *b)
{
	auto_strbuf struct strbuf v = { 0 };

	if (b->spec->n_channels == 0)
		return;
	add(b->argv, "-device", "virtio-serial-pci,id=serial0");
	for (unsigned i = 0; i < b->spec->n_channels; i++) {
		char id[16];

		(void)snprintf(id, sizeof(id), "charch%u", i);
		add_chardev(b, id, QEMU_FD_CHANNEL + (int)i);
		(void)strbuf_addf(&v, "virtserialport,chardev=%s,id=channel%u,name=", id, i);
		qemu_put_escaped(&v, b->spec->channels[i].name);
		add_buf(b->argv, "-device", &v);
	}
}

static void add_share(const struct builder *b)
{
	auto_strbuf struct strbuf v = { 0 };

	if (!b->spec->share_dir)
		return;
	(void)strbuf_adds(&v, "local,id=share0,path=");
	qemu_put_escaped(&v, b->spec->share_dir);
	(void)strbuf_adds(&v, ",security_model=none,multidevs=remap");
	add_buf(b->argv, "-fsdev", &v);
	(void)strbuf_adds(&v, "virtio-9p-pci,fsdev=share0,mount_tag=");
	qemu_put_escaped(&v, b->spec->share_tag);
	add_buf(b->argv, "-device", &v);
}

static void add_rng(const struct builder *b)
{
	auto_strbuf struct strbuf v = { 0 };

	if (!is_set(b->cfg->entropy_source))
		return;
	(void)strbuf_adds(&v, "rng-random,id=rng0,filename=");
	qemu_put_escaped(&v, b->cfg->entropy_source);
	add_buf(b->argv, "-object", &v);
	add(b->argv, "-device", "virtio-rng-pci,rng=rng0");
}

/* Its number is another one in each clone: at that the guest's kernel throws away the random
 * numbers that it shares with all others. */
static void add_generation(const struct builder *b)
{
	bool saved = b->spec->saved && b->spec->saved->generation;

	if ((b->spec->memory_file || saved) && b->machine->vmgenid)
		add(b->argv, "-device", "vmgenid,guid=auto");
}

/* romfile: nobody boots from the network, and loading the program for it takes time. */
static void add_nics(const struct builder *b)
{
	auto_strbuf struct strbuf v = { 0 };

	for (unsigned i = 0; !b->spec->saved && i < b->spec->n_nics; i++) {
		const struct vm_nic *nic = &b->spec->nics[i];

		(void)strbuf_addf(&v, "tap,id=%s,fd=%d", nic->id, QEMU_FD_NIC + (int)i);
		add_buf(b->argv, "-netdev", &v);
		(void)strbuf_addf(&v, "virtio-net-pci,netdev=%s,mac=%s,romfile=", nic->id,
				  nic->mac);
		add_buf(b->argv, "-device", &v);
	}
	for (unsigned i = 0; b->machine->ports && i < b->spec->nic_slots; i++) {
		(void)strbuf_addf(&v, "pcie-root-port,id=" QEMU_PORT_ID ",chassis=%u", i, i + 1);
		add_buf(b->argv, "-device", &v);
	}
	for (unsigned i = 0; b->machine->ports && i < b->spec->disk_slots; i++) {
		(void)strbuf_addf(&v, "pcie-root-port,id=" QEMU_DISK_PORT_ID ",chassis=%u", i,
				  b->spec->nic_slots + i + 1);
		add_buf(b->argv, "-device", &v);
	}
}

static void add_image(const struct builder *b)
{
	auto_strbuf struct strbuf v = { 0 };

	if (!is_set(b->cfg->image))
		return;
	(void)strbuf_addf(&v, "if=none,id=" QEMU_IMAGE_ID ",format=%s,readonly=on,file=",
			  is_set(b->cfg->image_format) ? b->cfg->image_format : "raw");
	qemu_put_escaped(&v, b->cfg->image);
	add_buf(b->argv, "-drive", &v);
	add(b->argv, "-device", "virtio-blk-pci,drive=" QEMU_IMAGE_ID);
}

static void add_knobs(const struct builder *b)
{
	static const char *const knobs[] = {
		"-no-user-config",
		"-nodefaults",
		"-display",
		"none",
		"-vga",
		"none",
		"-no-reboot",
		"-sandbox",
		"on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny",
		NULL,
	};

	(void)strvec_add_all(b->argv, knobs);
}

static void put_param(struct strbuf *line, const char *param)
{
	if (!is_set(param))
		return;
	if (line->len)
		(void)strbuf_addc(line, ' ');
	(void)strbuf_adds(line, param);
}

/*
 * Under emulation the guest reads the host's counter: told its frequency, it does not calibrate it
 * against an emulated timer. And zeroing every page once more when it is allocated, a second net
 * below faults of the kernel, takes as long as all else that an exec does there.
 */
static void put_emulation_params(const struct builder *b, struct strbuf *line)
{
	if (b->kvm)
		return;
	put_param(line, "init_on_alloc=0");
	put_param(line, b->machine->tcg_params);
	if (b->spec->vcpus == 1 && b->spec->max_vcpus <= 1)
		put_param(line, b->machine->tcg_up_params);
	if (b->spec->tsc_khz)
		(void)strbuf_addf(line, " tsc_early_khz=%u tsc=reliable", b->spec->tsc_khz);
}

static void put_kernel_params(const struct builder *b, struct strbuf *line)
{
	/* A panic ends the VM by way of -no-reboot. The console shows warnings and worse, unless
	 * debugging. */
	put_param(line, b->cfg->enable_debug ? "debug" : "quiet");
	put_param(line, b->spec->console_listen_fd >= 0 ? "console=ttyS0" : "8250.nr_uarts=0");
	put_param(line, "panic=-1 random.trust_cpu=on rcupdate.rcu_expedited=1 cryptomgr.notests");
	put_param(line, b->machine->params);
	put_emulation_params(b, line);
	/* Without the first, the chance of memory above 4 GiB costs 64 MiB of bounce buffers, which
	 * virtio has no use for. */
	if (b->spec->max_memory_mib > b->spec->memory_mib)
		put_param(line, "swiotlb=noforce memhp_default_state=online");
	if (is_set(b->cfg->image))
		put_param(line, "root=/dev/vda1 rootfstype=ext4 ro");
	put_param(line, b->spec->extra_kernel_params);
	put_param(line, b->cfg->kernel_params);
}

static int add_boot(const struct builder *b, struct error *err)
{
	auto_strbuf struct strbuf line = { 0 };

	/* What it boots is in its memory already. */
	if (b->spec->incoming) {
		add(b->argv, "-incoming", "defer");
		return 0;
	}
	add(b->argv, "-kernel", b->cfg->kernel);
	if (is_set(b->cfg->initrd))
		add(b->argv, "-initrd", b->cfg->initrd);
	put_kernel_params(b, &line);
	if (line.len > COMMAND_LINE_MAX) {
		err_msg(err, -E2BIG, "the kernel's command line has %zu bytes, the limit is %d",
			line.len, COMMAND_LINE_MAX);
		return err_hint(err, "shorten kernel_params in [hypervisor.qemu]");
	}
	add_buf(b->argv, "-append", &line);
	return 0;
}

static int check_growth(const struct builder *b, struct error *err)
{
	const struct vm_spec *spec = b->spec;
	bool cpus = spec->max_vcpus > spec->vcpus;
	bool memory = spec->max_memory_mib > spec->memory_mib;

	if (spec->max_vcpus && spec->max_vcpus < spec->vcpus)
		return err_msg(err, -EINVAL, "MaxCPUs %u must be equal to or greater than CPUs %u",
			       spec->max_vcpus, spec->vcpus);
	if (spec->max_memory_mib && spec->max_memory_mib < spec->memory_mib)
		return err_msg(err, -EINVAL, "%u MiB of memory are more than the maximum of %u MiB",
			       spec->memory_mib, spec->max_memory_mib);
	if (spec->max_vcpus > b->machine->max_vcpus)
		return err_msg(err, -EINVAL, "%u vCPUs: machine_type '%s' takes 1 to %u",
			       spec->max_vcpus, b->machine->name, b->machine->max_vcpus);
	if ((cpus || memory) && !b->machine->hotplug) {
		err_msg(err, -ENOTSUP, "machine_type '%s' cannot grow while it runs",
			b->machine->name);
		return err_hint(err, "set machine_type = \"q35\" in [hypervisor.qemu]");
	}
	if (memory && (spec->memory_slots == 0 || spec->memory_slots > MEMORY_SLOTS_MAX))
		return err_msg(err, -EINVAL, "%u memory slots, it must be 1 to %d",
			       spec->memory_slots, MEMORY_SLOTS_MAX);
	return 0;
}

static int check_snapshot(const struct vm_spec *spec, struct error *err)
{
	if (spec->memory_file && spec->memory_file[0] != '/')
		return err_msg(err, -EINVAL, "memory file '%s' is not an absolute path",
			       spec->memory_file);
	if (spec->incoming && !spec->memory_file && !spec->saved)
		return err_msg(err, -EINVAL, "a machine to be restored needs its memory in a file");
	if (spec->incoming && spec->memory_shared)
		return err_msg(err, -EINVAL,
			       "a machine to be restored must not write to memory file '%s'",
			       spec->memory_file);
	if (spec->incoming && spec->control_listen_fd < 0)
		return err_msg(err, -EINVAL, "a machine to be restored needs a control socket");
	return 0;
}

static int check_nics(const struct vm_spec *spec, struct error *err)
{
	if (spec->n_nics > VM_NICS_MAX)
		return err_msg(err, -EINVAL, "%u interfaces, the limit is %d", spec->n_nics,
			       VM_NICS_MAX);
	if (spec->saved && spec->n_nics != spec->saved->nics.len)
		return err_msg(err, -EINVAL, "%u interfaces for a machine that had %zu",
			       spec->n_nics, spec->saved->nics.len);
	if (spec->n_nics > 0 && spec->incoming && !spec->saved)
		return err_msg(err, -EINVAL,
			       "a machine to be restored gets its interfaces while it runs");
	for (unsigned i = 0; i < spec->n_nics; i++)
		if (spec->nics[i].fd < 0 || !is_set(spec->nics[i].id) || !is_set(spec->nics[i].mac))
			return err_msg(err, -EINVAL, "interface %u has no %s", i,
				       spec->nics[i].fd < 0	  ? "descriptor"
				       : is_set(spec->nics[i].id) ? "MAC address"
								  : "id");
	return 0;
}

static int check_spec(const struct builder *b, struct error *err)
{
	const struct vm_spec *spec = b->spec;

	if (spec->vcpus == 0 || spec->vcpus > b->machine->max_vcpus)
		return err_msg(err, -EINVAL, "%u vCPUs: machine_type '%s' takes 1 to %u",
			       spec->vcpus, b->machine->name, b->machine->max_vcpus);
	if (spec->memory_mib == 0)
		return err_msg(err, -EINVAL, "VM memory cannot be zero");
	if (spec->n_channels > VM_CHANNELS_MAX)
		return err_msg(err, -EINVAL, "%u channels, the limit is %d", spec->n_channels,
			       VM_CHANNELS_MAX);
	if (spec->nic_slots > b->machine->nic_slots)
		return err_msg(err, -EINVAL,
			       "room for %u more interfaces: machine_type '%s' has room for %u",
			       spec->nic_slots, b->machine->name, b->machine->nic_slots);
	if (spec->disk_slots > b->machine->disk_slots)
		return err_msg(err, -EINVAL, "room for %u disks: machine_type '%s' has room for %u",
			       spec->disk_slots, b->machine->name, b->machine->disk_slots);
	if (spec->share_dir && !is_set(spec->share_tag))
		return err_msg(err, -EINVAL, "shared directory '%s' has no tag", spec->share_dir);
	if (!b->kvm && b->machine->needs_tsc_khz && !spec->tsc_khz && !spec->incoming) {
		err_msg(err, -ENOTSUP, "machine_type '%s' needs a steady time stamp counter",
			b->machine->name);
		return err_hint(err, "set machine_type = \"q35\" in [hypervisor.qemu]");
	}
	return 0;
}

int qemu_argv(const struct hypervisor_config *cfg, const struct vm_spec *spec,
	      const char *accelerator, struct strvec *argv, struct error *err)
{
	const struct builder b = {
		.cfg = cfg,
		.spec = spec,
		.machine = machine_find(cfg->machine_type),
		.kvm = !strcmp(accelerator, "kvm"),
		.argv = argv,
	};
	int ret;

	if (!b.machine)
		return machine_unknown(cfg->machine_type, err);
	ret = check_spec(&b, err);
	if (ret == 0)
		ret = check_growth(&b, err);
	if (ret == 0)
		ret = check_snapshot(spec, err);
	if (ret == 0)
		ret = check_nics(spec, err);
	if (ret < 0)
		return ret;
	(void)strvec_add(argv, cfg->path);
	add_identity(&b);
	add_machine(&b);
	add_memory(&b);
	add_control(&b);
	add_channels(&b);
	add_share(&b);
	add_rng(&b);
	add_generation(&b);
	add_image(&b);
	add_nics(&b);
	if (spec->saved)
		qemu_add_saved(spec, argv);
	add_knobs(&b);
	ret = add_boot(&b, err);
	if (ret < 0)
		return ret;
	for (const char *const *arg = cfg->extra_args; arg && *arg; arg++)
		(void)strvec_add(argv, *arg);
	ret = strvec_error(argv);
	return ret < 0 ? err_set(err, ret, "build the command line of QEMU") : 0;
}
