#include "hypervisor/saved.h"

#include <errno.h>
#include <string.h>

#define CPU(field, kind_, member)                                                                 \
	{                                                                                         \
		.name = (field), .kind = (kind_), .offset = offsetof(struct vm_saved_cpu, member) \
	}

static const struct json_row cpu_rows[] = {
	CPU("type", JSON_STR, type),	     CPU("socket", JSON_OPT_U32, socket),
	CPU("die", JSON_OPT_U32, die),	     CPU("core", JSON_OPT_U32, core),
	CPU("thread", JSON_OPT_U32, thread),
};
static const struct json_type cpu_type = JSON_TYPE(vm_saved_cpu, cpu_rows);

#define ROW(tag, field, kind_, member)                                                    \
	{                                                                                 \
		.name = (field), .kind = (kind_), .offset = offsetof(struct tag, member), \
		.flags = JSON_REQUIRED                                                    \
	}

static const struct json_row dimm_rows[] = {
	ROW(vm_saved_dimm, "slot", JSON_U32, slot),
	ROW(vm_saved_dimm, "bytes", JSON_U64, bytes),
	ROW(vm_saved_dimm, "address", JSON_U64, address),
};
static const struct json_type dimm_type = JSON_TYPE(vm_saved_dimm, dimm_rows);

static const struct json_row disk_rows[] = {
	ROW(vm_saved_disk, "slot", JSON_U32, slot),
	ROW(vm_saved_disk, "path", JSON_STR, path),
	ROW(vm_saved_disk, "readonly", JSON_BOOL, readonly),
};
static const struct json_type disk_type = JSON_TYPE(vm_saved_disk, disk_rows);

static const struct json_row nic_rows[] = {
	ROW(vm_saved_nic, "port", JSON_U32, port),
	ROW(vm_saved_nic, "id", JSON_STR, id),
	ROW(vm_saved_nic, "mac", JSON_STR, mac),
};
static const struct json_type nic_type = JSON_TYPE(vm_saved_nic, nic_rows);

#define OBJS(field, member, type_)                                                               \
	{                                                                                        \
		.name = (field), .kind = JSON_OBJS, .offset = offsetof(struct vm_saved, member), \
		.flags = JSON_REQUIRED, .type = &(type_)                                         \
	}

static const struct json_row saved_rows[] = {
	ROW(vm_saved, "version", JSON_STR, version),
	ROW(vm_saved, "vcpus", JSON_U32, vcpus),
	ROW(vm_saved, "memoryMib", JSON_U32, memory_mib),
	ROW(vm_saved, "maxVcpus", JSON_U32, max_vcpus),
	ROW(vm_saved, "maxMemoryMib", JSON_U32, max_memory_mib),
	ROW(vm_saved, "memorySlots", JSON_U32, memory_slots),
	ROW(vm_saved, "nicSlots", JSON_U32, nic_slots),
	ROW(vm_saved, "diskSlots", JSON_U32, disk_slots),
	ROW(vm_saved, "generation", JSON_BOOL, generation),
	ROW(vm_saved, "shape", JSON_STRS, shape),
	OBJS("cpus", cpus, cpu_type),
	OBJS("dimms", dimms, dimm_type),
	OBJS("disks", disks, disk_type),
	OBJS("nics", nics, nic_type),
};
const struct json_type vm_saved_type = JSON_TYPE(vm_saved, saved_rows);

static int compare_shape(const struct json_strs *saved, const struct json_strs *now,
			 struct error *err)
{
	size_t n = saved->len > now->len ? saved->len : now->len;

	for (size_t i = 0; i < n; i++) {
		const char *a = i < saved->len ? saved->items[i] : "nothing";
		const char *b = i < now->len ? now->items[i] : "nothing";

		if (strcmp(a, b) != 0)
			return err_msg(err, -EMEDIUMTYPE,
				       "it was '%s', this configuration makes it '%s'", a, b);
	}
	return 0;
}

int vm_saved_compare(const struct vm_saved *saved, const struct vm_saved *now, struct error *err)
{
	const struct {
		const char *what;
		uint64_t saved, now;
	} numbers[] = {
		{ "vCPUs", saved->vcpus, now->vcpus },
		{ "most vCPUs", saved->max_vcpus, now->max_vcpus },
		{ "MiB of memory", saved->memory_mib, now->memory_mib },
		{ "most MiB of memory", saved->max_memory_mib, now->max_memory_mib },
		{ "places for memory", saved->memory_slots, now->memory_slots },
		{ "places for interfaces", saved->nic_slots, now->nic_slots },
		{ "places for disks", saved->disk_slots, now->disk_slots },
		{ "generation numbers", saved->generation, now->generation },
		{ "added vCPUs", saved->cpus.len, now->cpus.len },
		{ "added pieces of memory", saved->dimms.len, now->dimms.len },
		{ "disks", saved->disks.len, now->disks.len },
		{ "interfaces", saved->nics.len, now->nics.len },
	};

	if (strcmp(saved->version, now->version) != 0)
		return err_msg(err, -EMEDIUMTYPE, "it was version %s, this is version %s",
			       saved->version, now->version);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		if (numbers[i].saved != numbers[i].now)
			return err_msg(err, -EMEDIUMTYPE, "%s: it had %llu, this one has %llu",
				       numbers[i].what, (unsigned long long)numbers[i].saved,
				       (unsigned long long)numbers[i].now);
	return compare_shape(&saved->shape, &now->shape, err);
}
