/* vCPUs and memory for a machine that runs. */
#include "hypervisor/qemu/qemu_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/json.h"
#include "base/strbuf.h"
#include "hypervisor/qemu/qmp.h"

enum { MEMORY_BLOCK_MIB = 128, MIB = 1 << 20 };

/* Where a vCPU sits; machines leave out the levels that they don't have. */
struct cpu_place {
	struct opt_u32 socket, die, core, thread;
};

/* A slot of query-hotpluggable-cpus. */
struct cpu_slot {
	const char *type;
	const char *qom_path; /* NULL: free */
	struct cpu_place props;
};

struct cpu_slots {
	struct json_objs list; /* struct cpu_slot */
};

#define PLACE(field, member)                                 \
	{                                                    \
		.name = (field), .kind = JSON_OPT_U32,       \
		.offset = offsetof(struct cpu_place, member) \
	}

static const struct json_row place_rows[] = {
	PLACE("socket-id", socket),
	PLACE("die-id", die),
	PLACE("core-id", core),
	PLACE("thread-id", thread),
};
static const struct json_type place_type = JSON_TYPE(cpu_place, place_rows);

static const struct json_row slot_rows[] = {
	{ .name = "type", .kind = JSON_STR, .offset = offsetof(struct cpu_slot, type) },
	{ .name = "qom-path", .kind = JSON_STR, .offset = offsetof(struct cpu_slot, qom_path) },
	{ .name = "props",
	  .kind = JSON_OBJ,
	  .offset = offsetof(struct cpu_slot, props),
	  .type = &place_type },
};
static const struct json_type slot_type = JSON_TYPE(cpu_slot, slot_rows);

static const struct json_row slots_rows[] = {
	{ .name = "list",
	  .kind = JSON_OBJS,
	  .offset = offsetof(struct cpu_slots, list),
	  .type = &slot_type },
};
static const struct json_type slots_type = JSON_TYPE(cpu_slots, slots_rows);

/* A DIMM of query-memory-devices. */
struct dimm {
	uint64_t size, address;
	struct opt_u32 slot;
};

struct memory_device {
	struct dimm data;
};

struct memory_devices {
	struct json_objs list; /* struct memory_device */
};

static const struct json_row dimm_rows[] = {
	{ .name = "size", .kind = JSON_U64, .offset = offsetof(struct dimm, size) },
	{ .name = "addr", .kind = JSON_U64, .offset = offsetof(struct dimm, address) },
	{ .name = "slot", .kind = JSON_OPT_U32, .offset = offsetof(struct dimm, slot) },
};
static const struct json_type dimm_type = JSON_TYPE(dimm, dimm_rows);

static const struct json_row device_rows[] = {
	{ .name = "data",
	  .kind = JSON_OBJ,
	  .offset = offsetof(struct memory_device, data),
	  .type = &dimm_type },
};
static const struct json_type device_type = JSON_TYPE(memory_device, device_rows);

static const struct json_row devices_rows[] = {
	{ .name = "list",
	  .kind = JSON_OBJS,
	  .offset = offsetof(struct memory_devices, list),
	  .type = &device_type },
};
static const struct json_type devices_type = JSON_TYPE(memory_devices, devices_rows);

/* The property "memory" of the machine. */
struct memory_limits {
	uint64_t size;
	uint64_t max_size;
	uint64_t slots;
};

static const struct json_row limits_rows[] = {
	{ .name = "size", .kind = JSON_U64, .offset = offsetof(struct memory_limits, size) },
	{ .name = "max-size",
	  .kind = JSON_U64,
	  .offset = offsetof(struct memory_limits, max_size) },
	{ .name = "slots", .kind = JSON_U64, .offset = offsetof(struct memory_limits, slots) },
};
static const struct json_type limits_type = JSON_TYPE(memory_limits, limits_rows);

int control_ask(struct qmp *qmp, const char *command, const char *arguments,
		const struct json_type *type, struct arena *arena, void *out, struct error *err)
{
	auto_strbuf struct strbuf answer = { 0 };
	auto_strbuf struct strbuf text = { 0 };
	bool list = type->n_rows == 1 && !strcmp(type->rows[0].name, "list");
	int ret = qmp_execute(qmp, command, arguments, CONTROL_TIMEOUT_MS, &answer, err);

	if (ret < 0)
		return ret;
	(void)strbuf_addf(&text, "%s%s%s", list ? "{\"list\":" : "", strbuf_str(&answer),
			  list ? "}" : "");
	if (strbuf_error(&text) < 0)
		return err_set(err, strbuf_error(&text), "keep QEMU's answer to %s", command);
	ret = json_decode(type, text.data, text.len, NULL, arena, out, err);
	return ret < 0 ? err_ctx(err, "read QEMU's answer to %s", command) : 0;
}

static int compare_level(const struct opt_u32 *a, const struct opt_u32 *b)
{
	return (a->value > b->value) - (a->value < b->value);
}

/* QEMU lists the highest first; the guest counts from the lowest on. */
static int compare_slots(const void *a, const void *b)
{
	const struct cpu_place *x = &((const struct cpu_slot *)a)->props;
	const struct cpu_place *y = &((const struct cpu_slot *)b)->props;
	int ret = compare_level(&x->socket, &y->socket);

	if (ret == 0)
		ret = compare_level(&x->die, &y->die);
	if (ret == 0)
		ret = compare_level(&x->core, &y->core);
	return ret ? ret : compare_level(&x->thread, &y->thread);
}

static void put_level(struct strbuf *out, const char *name, const struct opt_u32 *level)
{
	if (level->set)
		(void)strbuf_addf(out, ",\"%s\":%u", name, level->value);
}

static int plug_cpu(struct qmp *qmp, const struct cpu_slot *slot, struct error *err)
{
	const struct cpu_place *at = &slot->props;
	auto_strbuf struct strbuf args = { 0 };

	(void)strbuf_adds(&args, "{\"driver\":");
	(void)json_quote(&args, slot->type);
	(void)strbuf_addf(&args, ",\"id\":\"cpu-%u-%u-%u-%u\"", at->socket.value, at->die.value,
			  at->core.value, at->thread.value);
	put_level(&args, "socket-id", &at->socket);
	put_level(&args, "die-id", &at->die);
	put_level(&args, "core-id", &at->core);
	put_level(&args, "thread-id", &at->thread);
	(void)strbuf_addc(&args, '}');
	if (strbuf_error(&args) < 0)
		return err_set(err, strbuf_error(&args), "describe a vCPU for QEMU");
	return qmp_execute(qmp, "device_add", strbuf_str(&args), CONTROL_TIMEOUT_MS, NULL, err);
}

int qemu_add_cpus(const struct vm *vm, int control_fd, uint32_t n, uint32_t *added,
		  struct error *err)
{
	auto_arena struct arena arena = { 0 };
	auto_qmp struct qmp qmp = { 0 };
	struct cpu_slots slots = { 0 };
	struct cpu_slot *slot;
	struct error why = { 0 };
	int ret;

	(void)vm;
	*added = 0;
	ret = control_open(&qmp, control_fd, err);
	if (ret == 0)
		ret = control_ask(&qmp, "query-hotpluggable-cpus", NULL, &slots_type, &arena,
				  &slots, err);
	if (ret < 0)
		return ret;
	slot = slots.list.items;
	if (slots.list.len > 1)
		qsort(slot, slots.list.len, sizeof(*slot), compare_slots);
	for (size_t i = 0; ret == 0 && *added < n && i < slots.list.len; i++) {
		if (slot[i].qom_path || !slot[i].type)
			continue;
		ret = plug_cpu(&qmp, &slot[i], &why);
		if (ret == 0)
			++*added;
	}
	if (*added == n)
		return 0;
	err_msg(err, ret < 0 ? ret : -ENOSPC,
		"failed to hot add vCPUs: only %u vCPUs of %u were added", *added, n);
	return err_hint(err, "%s", ret < 0 ? why.text : "the machine has no room for more");
}

/* The lowest slot that no DIMM is in. */
static uint32_t free_slot(const struct memory_devices *devices)
{
	const struct memory_device *device = devices->list.items;

	for (uint32_t slot = 0;; slot++) {
		bool used = false;

		for (size_t i = 0; i < devices->list.len; i++)
			used |= device[i].data.slot.set && device[i].data.slot.value == slot;
		if (!used)
			return slot;
	}
}

static uint64_t plugged_bytes(const struct memory_devices *devices)
{
	const struct memory_device *device = devices->list.items;
	uint64_t sum = 0;

	for (size_t i = 0; i < devices->list.len; i++)
		sum += device[i].data.size;
	return sum;
}

static int plug_memory(struct qmp *qmp, uint32_t slot, uint32_t mib, struct error *err)
{
	auto_strbuf struct strbuf args = { 0 };
	struct error ignored;
	int ret;

	(void)strbuf_addf(&args,
			  "{\"qom-type\":\"memory-backend-ram\",\"id\":\"dimm%u-memory\","
			  "\"size\":%llu}",
			  slot, (unsigned long long)mib * MIB);
	ret = qmp_execute(qmp, "object-add", strbuf_str(&args), CONTROL_TIMEOUT_MS, NULL, err);
	if (ret < 0)
		return ret;
	strbuf_clear(&args);
	(void)strbuf_addf(&args,
			  "{\"driver\":\"pc-dimm\",\"id\":\"dimm%u\",\"memdev\":\"dimm%u-memory\","
			  "\"slot\":%u}",
			  slot, slot, slot);
	ret = qmp_execute(qmp, "device_add", strbuf_str(&args), CONTROL_TIMEOUT_MS, NULL, err);
	if (ret == 0)
		return 0;
	strbuf_clear(&args);
	(void)strbuf_addf(&args, "{\"id\":\"dimm%u-memory\"}", slot);
	/* The failure before is what counts. */
	if (qmp_execute(qmp, "object-del", strbuf_str(&args), CONTROL_TIMEOUT_MS, NULL, &ignored) <
	    0)
		return ret;
	return ret;
}

int qemu_add_memory(const struct vm *vm, int control_fd, uint32_t mib, uint32_t *added_mib,
		    struct error *err)
{
	auto_arena struct arena arena = { 0 };
	auto_qmp struct qmp qmp = { 0 };
	struct memory_limits limits = { 0 };
	struct memory_devices devices = { 0 };
	uint64_t size = ((uint64_t)mib + MEMORY_BLOCK_MIB - 1) / MEMORY_BLOCK_MIB *
			MEMORY_BLOCK_MIB;
	uint64_t now;
	int ret;

	(void)vm;
	*added_mib = 0;
	ret = control_open(&qmp, control_fd, err);
	if (ret == 0)
		ret = control_ask(&qmp, "qom-get",
				  "{\"path\":\"/machine\",\"property\":\"memory\"}", &limits_type,
				  &arena, &limits, err);
	if (ret == 0)
		ret = control_ask(&qmp, "query-memory-devices", NULL, &devices_type, &arena,
				  &devices, err);
	if (ret < 0)
		return ret;
	if (limits.slots == 0)
		return err_msg(err, -ENOTSUP, "guest memory hotplug not supported");
	if (size == 0)
		return 0;
	now = limits.size + plugged_bytes(&devices);
	if (now > limits.max_size || size * MIB > limits.max_size - now)
		return err_msg(err, -ENOSPC,
			       "Unable to hotplug %llu MiB memory, the SB has %llu MiB and the "
			       "maximum amount is %llu MiB",
			       (unsigned long long)size, (unsigned long long)(now / MIB),
			       (unsigned long long)(limits.max_size / MIB));
	if (devices.list.len >= limits.slots)
		return err_msg(err, -ENOSPC,
			       "Unable to hotplug %llu MiB memory, all %llu slots are in use",
			       (unsigned long long)size, (unsigned long long)limits.slots);
	ret = plug_memory(&qmp, free_slot(&devices), (uint32_t)size, err);
	if (ret == 0)
		*added_mib = (uint32_t)size;
	return ret;
}

static int ask_memory(struct qmp *qmp, struct arena *arena, struct vm_saved *saved,
		      struct error *err)
{
	struct memory_limits limits = { 0 };
	struct memory_devices devices = { 0 };
	const struct memory_device *device;
	struct vm_saved_dimm *dimms;
	int ret = control_ask(qmp, "qom-get", "{\"path\":\"/machine\",\"property\":\"memory\"}",
			      &limits_type, arena, &limits, err);

	if (ret == 0)
		ret = control_ask(qmp, "query-memory-devices", NULL, &devices_type, arena, &devices,
				  err);
	if (ret < 0)
		return ret;
	saved->memory_mib = (uint32_t)(limits.size / MIB);
	saved->max_memory_mib = limits.slots ? (uint32_t)(limits.max_size / MIB) : 0;
	saved->memory_slots = (uint32_t)limits.slots;
	device = devices.list.items;
	dimms = arena_calloc(arena, devices.list.len + 1, sizeof(*dimms));
	if (!dimms)
		return err_set(err, -ENOMEM, "describe the machine");
	for (size_t i = 0; i < devices.list.len; i++)
		dimms[i] = (struct vm_saved_dimm){ device[i].data.slot.value, device[i].data.size,
						   device[i].data.address };
	saved->dimms = (struct json_objs){ dimms, devices.list.len };
	return 0;
}

/* What the machine started with cannot be told from what was added but by its path. */
static bool was_added(const struct cpu_slot *slot)
{
	static const char added[] = "/machine/peripheral/";

	return slot->qom_path && !strncmp(slot->qom_path, added, sizeof(added) - 1);
}

int qemu_ask_growth(struct qmp *qmp, struct arena *arena, struct vm_saved *saved, struct error *err)
{
	struct cpu_slots slots = { 0 };
	const struct cpu_slot *slot;
	struct vm_saved_cpu *cpus;
	size_t n = 0;
	int ret = ask_memory(qmp, arena, saved, err);

	if (ret == 0)
		ret = control_ask(qmp, "query-hotpluggable-cpus", NULL, &slots_type, arena, &slots,
				  err);
	if (ret < 0)
		return ret;
	slot = slots.list.items;
	cpus = arena_calloc(arena, slots.list.len + 1, sizeof(*cpus));
	if (!cpus)
		return err_set(err, -ENOMEM, "describe the machine");
	for (size_t i = 0; i < slots.list.len; i++) {
		if (was_added(&slot[i]))
			cpus[n++] = (struct vm_saved_cpu){ slot[i].type, slot[i].props.socket,
							   slot[i].props.die, slot[i].props.core,
							   slot[i].props.thread };
		else if (slot[i].qom_path)
			saved->vcpus++;
	}
	saved->cpus = (struct json_objs){ cpus, n };
	saved->max_vcpus = slots.list.len > saved->vcpus ? (uint32_t)slots.list.len : 0;
	return 0;
}
