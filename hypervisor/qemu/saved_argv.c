/* The devices of a machine that takes over the state of another, as that one had them. */
#include "hypervisor/qemu/qemu_internal.h"

#include "base/strbuf.h"
#include "base/strvec.h"

static void add_option(struct strvec *argv, const char *option, struct strbuf *value)
{
	if (strbuf_error(value) < 0)
		argv->error = strbuf_error(value);
	(void)strvec_add(argv, option);
	(void)strvec_add(argv, strbuf_str(value));
	strbuf_clear(value);
}

static void put_level(struct strbuf *v, const char *name, const struct opt_u32 *level)
{
	if (level->set)
		(void)strbuf_addf(v, ",%s=%u", name, level->value);
}

static void add_cpus(const struct vm_saved *saved, struct strvec *argv)
{
	const struct vm_saved_cpu *cpu = saved->cpus.items;
	auto_strbuf struct strbuf v = { 0 };

	for (size_t i = 0; i < saved->cpus.len; i++) {
		(void)strbuf_addf(&v, "%s,id=cpu-%u-%u-%u-%u", cpu[i].type ? cpu[i].type : "",
				  cpu[i].socket.value, cpu[i].die.value, cpu[i].core.value,
				  cpu[i].thread.value);
		put_level(&v, "socket-id", &cpu[i].socket);
		put_level(&v, "die-id", &cpu[i].die);
		put_level(&v, "core-id", &cpu[i].core);
		put_level(&v, "thread-id", &cpu[i].thread);
		add_option(argv, "-device", &v);
	}
}

static void add_dimms(const struct vm_saved *saved, struct strvec *argv)
{
	const struct vm_saved_dimm *dimm = saved->dimms.items;
	auto_strbuf struct strbuf v = { 0 };

	for (size_t i = 0; i < saved->dimms.len; i++) {
		(void)strbuf_addf(&v, "memory-backend-ram,id=dimm%u-memory,size=%llu", dimm[i].slot,
				  (unsigned long long)dimm[i].bytes);
		add_option(argv, "-object", &v);
		(void)strbuf_addf(&v, "pc-dimm,id=dimm%u,memdev=dimm%u-memory,slot=%u,addr=%llu",
				  dimm[i].slot, dimm[i].slot, dimm[i].slot,
				  (unsigned long long)dimm[i].address);
		add_option(argv, "-device", &v);
	}
}

static void add_disks(const struct vm_saved *saved, struct strvec *argv)
{
	const struct vm_saved_disk *disk = saved->disks.items;
	auto_strbuf struct strbuf v = { 0 };

	for (size_t i = 0; i < saved->disks.len; i++) {
		(void)strbuf_addf(&v,
				  "driver=file,node-name=" QEMU_DISK_ID
				  "-file,read-only=on,auto-read-only=off,filename=",
				  disk[i].slot);
		qemu_put_escaped(&v, disk[i].path);
		add_option(argv, "-blockdev", &v);
		(void)strbuf_addf(&v,
				  "virtio-blk-pci,id=" QEMU_DISK_ID ",drive=" QEMU_DISK_ID
				  "-file,bus=" QEMU_DISK_PORT_ID,
				  disk[i].slot, disk[i].slot, disk[i].slot);
		add_option(argv, "-device", &v);
	}
}

static void add_nics(const struct vm_spec *spec, struct strvec *argv)
{
	const struct vm_saved_nic *nic = spec->saved->nics.items;
	auto_strbuf struct strbuf v = { 0 };

	for (size_t i = 0; i < spec->saved->nics.len; i++) {
		(void)strbuf_addf(&v, "tap,id=%s,fd=%d", nic[i].id, QEMU_FD_NIC + (int)i);
		add_option(argv, "-netdev", &v);
		(void)strbuf_addf(&v,
				  "virtio-net-pci,id=" QEMU_PORT_ID "-nic,bus=" QEMU_PORT_ID
				  ",netdev=%s,mac=%s,romfile=",
				  nic[i].port, nic[i].port, nic[i].id, nic[i].mac);
		add_option(argv, "-device", &v);
	}
}

void qemu_add_saved(const struct vm_spec *spec, struct strvec *argv)
{
	add_cpus(spec->saved, argv);
	add_dimms(spec->saved, argv);
	add_disks(spec->saved, argv);
	add_nics(spec, argv);
}
