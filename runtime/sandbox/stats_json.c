#include "runtime/sandbox/stats_json.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "agent/proto/calls_rows.h"
#include "base/arena.h"

/* Microseconds to nanoseconds, which is what runc counts in. */
static uint64_t ns(uint64_t us)
{
	uint64_t value;

	return __builtin_mul_overflow(us, 1000, &value) ? UINT64_MAX : value;
}

struct psi_line {
	double avg10, avg60, avg300;
	uint64_t total;
};
struct psi {
	struct psi_line some, full;
};

static const struct json_row psi_line_rows[] = {
	ROW(psi_line, "avg10", JSON_DOUBLE, avg10, 0),
	ROW(psi_line, "avg60", JSON_DOUBLE, avg60, 0),
	ROW(psi_line, "avg300", JSON_DOUBLE, avg300, 0),
	ROW(psi_line, "total", JSON_U64, total, 0),
};
static const struct json_type psi_line_type = JSON_TYPE(psi_line, psi_line_rows);
static const struct json_row psi_rows[] = {
	OBJ(psi, "some", JSON_OBJ, some, 0, psi_line_type),
	OBJ(psi, "full", JSON_OBJ, full, 0, psi_line_type),
};
static const struct json_type psi_type = JSON_TYPE(psi, psi_rows);

struct usage {
	uint64_t total, kernel, user;
};
struct throttling {
	uint64_t periods, throttled_periods, throttled_time;
};
struct cpu {
	struct usage usage;
	struct throttling throttling;
	struct psi *psi;
};

static const struct json_row usage_rows[] = {
	ROW(usage, "total", JSON_U64, total, JSON_OMIT_EMPTY),
	ROW(usage, "kernel", JSON_U64, kernel, 0),
	ROW(usage, "user", JSON_U64, user, 0),
};
static const struct json_type usage_type = JSON_TYPE(usage, usage_rows);
static const struct json_row throttling_rows[] = {
	ROW(throttling, "periods", JSON_U64, periods, JSON_OMIT_EMPTY),
	ROW(throttling, "throttledPeriods", JSON_U64, throttled_periods, JSON_OMIT_EMPTY),
	ROW(throttling, "throttledTime", JSON_U64, throttled_time, JSON_OMIT_EMPTY),
};
static const struct json_type throttling_type = JSON_TYPE(throttling, throttling_rows);
static const struct json_row cpu_rows[] = {
	OBJ(cpu, "usage", JSON_OBJ, usage, 0, usage_type),
	OBJ(cpu, "throttling", JSON_OBJ, throttling, 0, throttling_type),
	OBJ(cpu, "psi", JSON_OBJ_PTR, psi, 0, psi_type),
};
static const struct json_type cpu_type = JSON_TYPE(cpu, cpu_rows);

/* Those of cgroup version 1 are always there, and 0. */
struct cpuset {
	struct json_nums cpus;
	uint64_t cpu_exclusive;
	struct json_nums mems;
	uint64_t mem_hardwall, mem_exclusive, memory_migrate, memory_spread_page;
	uint64_t memory_spread_slab, memory_pressure, sched_load_balance;
	int64_t sched_relax_domain_level;
};

static const struct json_row cpuset_rows[] = {
	ROW(cpuset, "cpus", JSON_NUMS, cpus, JSON_OMIT_EMPTY),
	ROW(cpuset, "cpu_exclusive", JSON_U64, cpu_exclusive, 0),
	ROW(cpuset, "mems", JSON_NUMS, mems, JSON_OMIT_EMPTY),
	ROW(cpuset, "mem_hardwall", JSON_U64, mem_hardwall, 0),
	ROW(cpuset, "mem_exclusive", JSON_U64, mem_exclusive, 0),
	ROW(cpuset, "memory_migrate", JSON_U64, memory_migrate, 0),
	ROW(cpuset, "memory_spread_page", JSON_U64, memory_spread_page, 0),
	ROW(cpuset, "memory_spread_slab", JSON_U64, memory_spread_slab, 0),
	ROW(cpuset, "memory_pressure", JSON_U64, memory_pressure, 0),
	ROW(cpuset, "sched_load_balance", JSON_U64, sched_load_balance, 0),
	ROW(cpuset, "sched_relax_domain_level", JSON_I64, sched_relax_domain_level, 0),
};
static const struct json_type cpuset_type = JSON_TYPE(cpuset, cpuset_rows);

struct entry {
	uint64_t limit, usage, max, failcnt;
};
struct memory {
	uint64_t cache;
	struct entry usage, swap, kernel, kernel_tcp;
	const char *raw;
	struct psi *psi;
};

static const struct json_row entry_rows[] = {
	ROW(entry, "limit", JSON_U64, limit, 0),
	ROW(entry, "usage", JSON_U64, usage, JSON_OMIT_EMPTY),
	ROW(entry, "max", JSON_U64, max, JSON_OMIT_EMPTY),
	ROW(entry, "failcnt", JSON_U64, failcnt, 0),
};
static const struct json_type entry_type = JSON_TYPE(entry, entry_rows);
static const struct json_row memory_rows[] = {
	ROW(memory, "cache", JSON_U64, cache, JSON_OMIT_EMPTY),
	OBJ(memory, "usage", JSON_OBJ, usage, 0, entry_type),
	OBJ(memory, "swap", JSON_OBJ, swap, 0, entry_type),
	OBJ(memory, "kernel", JSON_OBJ, kernel, 0, entry_type),
	OBJ(memory, "kernelTCP", JSON_OBJ, kernel_tcp, 0, entry_type),
	ROW(memory, "raw", JSON_RAW, raw, JSON_OMIT_EMPTY),
	OBJ(memory, "psi", JSON_OBJ_PTR, psi, 0, psi_type),
};
static const struct json_type memory_type = JSON_TYPE(memory, memory_rows);

struct pids {
	uint64_t current, limit;
};

static const struct json_row pids_rows[] = {
	ROW(pids, "current", JSON_U64, current, JSON_OMIT_EMPTY),
	ROW(pids, "limit", JSON_U64, limit, JSON_OMIT_EMPTY),
};
static const struct json_type pids_type = JSON_TYPE(pids, pids_rows);

struct blkio_entry {
	uint64_t major, minor;
	const char *op;
	uint64_t value;
};
struct blkio {
	struct json_objs bytes, operations;
	struct psi *psi;
};

static const struct json_row blkio_entry_rows[] = {
	ROW(blkio_entry, "major", JSON_U64, major, JSON_OMIT_EMPTY),
	ROW(blkio_entry, "minor", JSON_U64, minor, JSON_OMIT_EMPTY),
	ROW(blkio_entry, "op", JSON_STR, op, JSON_OMIT_EMPTY),
	ROW(blkio_entry, "value", JSON_U64, value, JSON_OMIT_EMPTY),
};
static const struct json_type blkio_entry_type = JSON_TYPE(blkio_entry, blkio_entry_rows);
static const struct json_row blkio_rows[] = {
	OBJ(blkio, "ioServiceBytesRecursive", JSON_OBJS, bytes, JSON_OMIT_EMPTY, blkio_entry_type),
	OBJ(blkio, "ioServicedRecursive", JSON_OBJS, operations, JSON_OMIT_EMPTY, blkio_entry_type),
	OBJ(blkio, "psi", JSON_OBJ_PTR, psi, 0, psi_type),
};
static const struct json_type blkio_type = JSON_TYPE(blkio, blkio_rows);

struct hugetlb {
	uint64_t usage, max, failcnt;
};

static const struct json_row hugetlb_rows[] = {
	ROW(hugetlb, "usage", JSON_U64, usage, JSON_OMIT_EMPTY),
	ROW(hugetlb, "max", JSON_U64, max, JSON_OMIT_EMPTY),
	ROW(hugetlb, "failcnt", JSON_U64, failcnt, 0),
};
static const struct json_type hugetlb_type = JSON_TYPE(hugetlb, hugetlb_rows);

static const struct json_row interface_rows[] = {
	ROW(call_stats_interface, "Name", JSON_STR, name, 0),
	ROW(call_stats_interface, "RxBytes", JSON_U64, rx_bytes, 0),
	ROW(call_stats_interface, "RxPackets", JSON_U64, rx_packets, 0),
	ROW(call_stats_interface, "RxErrors", JSON_U64, rx_errors, 0),
	ROW(call_stats_interface, "RxDropped", JSON_U64, rx_dropped, 0),
	ROW(call_stats_interface, "TxBytes", JSON_U64, tx_bytes, 0),
	ROW(call_stats_interface, "TxPackets", JSON_U64, tx_packets, 0),
	ROW(call_stats_interface, "TxErrors", JSON_U64, tx_errors, 0),
	ROW(call_stats_interface, "TxDropped", JSON_U64, tx_dropped, 0),
};
static const struct json_type interface_type = JSON_TYPE(call_stats_interface, interface_rows);

struct rdt {
	char none; /* the host's, and not of one container */
};
static const struct json_type rdt_type = { .name = "intel_rdt", .size = sizeof(struct rdt) };

struct data {
	struct cpu cpu;
	struct cpuset cpuset;
	struct memory memory;
	struct pids pids;
	struct blkio blkio;
	struct json_obj_map hugetlb;
	struct rdt rdt;
	struct json_objs interfaces;
};
struct line {
	const char *type;
	const char *id;
	struct data *data;
};

static const struct json_row data_rows[] = {
	OBJ(data, "cpu", JSON_OBJ, cpu, 0, cpu_type),
	OBJ(data, "cpuset", JSON_OBJ, cpuset, 0, cpuset_type),
	OBJ(data, "memory", JSON_OBJ, memory, 0, memory_type),
	OBJ(data, "pids", JSON_OBJ, pids, 0, pids_type),
	OBJ(data, "blkio", JSON_OBJ, blkio, 0, blkio_type),
	OBJ(data, "hugetlb", JSON_OBJ_MAP, hugetlb, 0, hugetlb_type),
	OBJ(data, "intel_rdt", JSON_OBJ, rdt, 0, rdt_type),
	OBJ(data, "network_interfaces", JSON_OBJS, interfaces, 0, interface_type),
};
static const struct json_type data_type = JSON_TYPE(data, data_rows);
static const struct json_row line_rows[] = {
	ROW(line, "type", JSON_STR, type, 0),
	ROW(line, "id", JSON_STR, id, 0),
	OBJ(line, "data", JSON_OBJ_PTR, data, 0, data_type),
};
static const struct json_type line_type = JSON_TYPE(line, line_rows);

static struct psi *make_psi(const struct call_psi *psi, struct arena *arena)
{
	struct psi *out = psi ? arena_alloc(arena, sizeof(*out)) : NULL;

	if (!out)
		return NULL;
	out->some = (struct psi_line){ psi->some.avg10, psi->some.avg60, psi->some.avg300,
				       psi->some.total_us };
	out->full = (struct psi_line){ psi->full.avg10, psi->full.avg60, psi->full.avg300,
				       psi->full.total_us };
	return out;
}

static void fill_cpu(const struct call_stats_cpu *cpu, struct arena *arena, struct cpu *out)
{
	out->usage = (struct usage){ .total = ns(cpu->usage_us),
				     .kernel = ns(cpu->system_us),
				     .user = ns(cpu->user_us) };
	out->throttling = (struct throttling){ .periods = cpu->periods,
					       .throttled_periods = cpu->throttled_periods,
					       .throttled_time = ns(cpu->throttled_us) };
	out->psi = make_psi(cpu->psi, arena);
}

enum { LIST_MAX = 1024 };

/* "0-2,5" as numbers; the rest of what makes no sense is left out. */
static struct json_nums make_list(const char *text, struct arena *arena)
{
	struct json_nums out = { .items = arena_calloc(arena, LIST_MAX, sizeof(*out.items)) };
	unsigned first, last;
	int used;

	while (text && out.items && sscanf(text, "%9u%n", &first, &used) == 1) {
		text += used;
		last = first;
		if (*text == '-' && sscanf(text, "-%9u%n", &last, &used) == 1)
			text += used;
		for (unsigned n = first; n <= last && out.len < LIST_MAX; n++)
			out.items[out.len++] = n;
		if (*text++ != ',')
			break;
	}
	return out;
}

static const char *make_raw(const struct json_objs *values, struct arena *arena)
{
	const struct call_stats_value *rows = values->items;
	auto_strbuf struct strbuf text = { 0 };

	for (size_t i = 0; i < values->len; i++) {
		strbuf_addc(&text, i == 0 ? '{' : ',');
		json_quote(&text, rows[i].name);
		strbuf_addf(&text, ":%" PRIu64, rows[i].value);
	}
	strbuf_addc(&text, '}');
	return values->len > 0 && strbuf_error(&text) == 0 ? arena_strdup(arena, text.data) : NULL;
}

static uint64_t find_raw(const struct json_objs *values, const char *name)
{
	const struct call_stats_value *rows = values->items;

	for (size_t i = 0; i < values->len; i++)
		if (strcmp(rows[i].name, name) == 0)
			return rows[i].value;
	return 0;
}

static uint64_t or_unlimited(uint64_t limit)
{
	return limit > 0 ? limit : UINT64_MAX;
}

static uint64_t add(uint64_t a, uint64_t b)
{
	uint64_t sum;

	return __builtin_add_overflow(a, b, &sum) ? UINT64_MAX : sum;
}

static void fill_memory(const struct call_stats_memory *memory, struct arena *arena,
			struct memory *out)
{
	out->cache = find_raw(&memory->raw, "file");
	out->usage = (struct entry){ .limit = or_unlimited(memory->limit),
				     .usage = memory->usage,
				     .max = memory->peak,
				     .failcnt = memory->max_hits };
	/* memory and swap together, as readers of these lines have always had it */
	out->swap = (struct entry){ .limit = add(or_unlimited(memory->swap_limit),
						 or_unlimited(memory->limit)),
				    .usage = add(memory->swap_usage, memory->usage) };
	out->raw = make_raw(&memory->raw, arena);
	out->psi = make_psi(memory->psi, arena);
}

static void add_blkio(struct json_objs *out, const struct call_stats_io *io, const char *op,
		      uint64_t value)
{
	struct blkio_entry *rows = out->items;

	rows[out->len++] = (struct blkio_entry){ io->major, io->minor, op, value };
}

static int fill_blkio(const struct call_stats *stats, struct arena *arena, struct blkio *out)
{
	const struct call_stats_io *rows = stats->io.items;

	out->psi = make_psi(stats->io_psi, arena);
	out->bytes.items = arena_calloc(arena, 3 * stats->io.len + 1, sizeof(struct blkio_entry));
	out->operations.items =
		arena_calloc(arena, 3 * stats->io.len + 1, sizeof(struct blkio_entry));
	if (!out->bytes.items || !out->operations.items)
		return -ENOMEM;
	for (size_t i = 0; i < stats->io.len; i++) {
		add_blkio(&out->bytes, &rows[i], "Read", rows[i].read_bytes);
		add_blkio(&out->bytes, &rows[i], "Write", rows[i].write_bytes);
		add_blkio(&out->bytes, &rows[i], "Discard", rows[i].discard_bytes);
		add_blkio(&out->operations, &rows[i], "Read", rows[i].reads);
		add_blkio(&out->operations, &rows[i], "Write", rows[i].writes);
		add_blkio(&out->operations, &rows[i], "Discard", rows[i].discards);
	}
	return 0;
}

static int fill_hugetlb(const struct json_objs *sizes, struct arena *arena,
			struct json_obj_map *out)
{
	const struct call_stats_hugetlb *rows = sizes->items;
	struct hugetlb *items = arena_calloc(arena, sizes->len + 1, sizeof(*items));

	out->keys = arena_calloc(arena, sizes->len + 1, sizeof(*out->keys));
	out->items = items;
	if (!items || !out->keys)
		return -ENOMEM;
	for (size_t i = 0; i < sizes->len; i++) {
		out->keys[out->len] = rows[i].size;
		items[out->len++] =
			(struct hugetlb){ rows[i].usage, rows[i].peak, rows[i].max_hits };
	}
	return 0;
}

int stats_json_format(const char *id, const struct call_stats *stats, struct strbuf *out)
{
	auto_arena struct arena arena = { 0 };
	struct data *data = arena_alloc(&arena, sizeof(*data));
	const struct line line = { .type = "stats", .id = id, .data = data };

	if (!data)
		return -ENOMEM;
	fill_cpu(&stats->cpu, &arena, &data->cpu);
	data->cpuset.cpus = make_list(stats->cpuset_cpus, &arena);
	data->cpuset.mems = make_list(stats->cpuset_mems, &arena);
	fill_memory(&stats->memory, &arena, &data->memory);
	data->pids = (struct pids){ stats->pids, stats->pids_limit };
	data->interfaces = stats->interfaces;
	if (fill_blkio(stats, &arena, &data->blkio) < 0 ||
	    fill_hugetlb(&stats->hugetlb, &arena, &data->hugetlb) < 0)
		return -ENOMEM;
	return json_encode(&line_type, &line, 0, out);
}

int stats_json_format_event(const char *id, const char *type, struct strbuf *out)
{
	const struct line line = { .type = type, .id = id };

	return json_encode(&line_type, &line, 0, out);
}
