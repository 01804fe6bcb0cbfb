#include "runtime/sandbox/size.h"

#include <string.h>
#include <unistd.h>

#include "base/parse.h"

/* Of the machine's memory, so much is not the containers': the guest's kernel, the agent, caches
 * that a limit does not count. */
enum { OVERHEAD_MIB = 96, MIB_SHIFT = 20, MILLIS = 1000, DEFAULT_PERIOD_US = 100000 };

static uint32_t host_vcpus(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	return n < 1 ? 1 : (uint32_t)n;
}

static uint32_t host_memory_mib(void)
{
	long pages = sysconf(_SC_PHYS_PAGES);
	long size = sysconf(_SC_PAGESIZE);

	if (pages < 1 || size < 1)
		return 0;
	return (uint32_t)((uint64_t)pages * (uint64_t)size >> MIB_SHIFT);
}

/* 0 is what some clients send for a value that is not set. */
static bool is_given(const struct opt_i64 *value)
{
	return value->set && value->value != 0;
}

static uint32_t millis_of(uint64_t quota_us, uint64_t period_us)
{
	uint64_t most = host_vcpus();

	if (quota_us / period_us >= most)
		return (uint32_t)(most * MILLIS);
	return (uint32_t)((quota_us * MILLIS + period_us - 1) / period_us);
}

static void read_memory(const struct oci_memory *memory, struct size_limits *limits)
{
	uint64_t mib;

	if (!is_given(&memory->limit))
		return;
	mib = memory->limit.value < 0 ? 0 : (uint64_t)memory->limit.value >> MIB_SHIFT;
	limits->memory_mib = mib + OVERHEAD_MIB <= host_memory_mib() ? (uint32_t)mib : 0;
}

void size_read(const struct oci_linux_resources *resources, struct size_limits *limits)
{
	const struct oci_cpu *cpu = resources ? resources->cpu : NULL;
	uint64_t period_us = DEFAULT_PERIOD_US;

	if (resources && resources->memory)
		read_memory(resources->memory, limits);
	if (!cpu || !is_given(&cpu->quota_us))
		return;
	if (cpu->period_us.set && cpu->period_us.value)
		period_us = cpu->period_us.value;
	limits->cpu_millis =
		cpu->quota_us.value < 0 ? 0 : millis_of((uint64_t)cpu->quota_us.value, period_us);
}

static void read_hint(const struct json_map *annotations, const char *name, struct opt_i64 *value)
{
	static const char family[] = "io.kubernetes.cri.sandbox-";
	size_t len = sizeof(family) - 1;

	for (size_t i = 0; i < annotations->len; i++) {
		const char *key = annotations->items[i].key;

		if (!strncmp(key, family, len) && !strcmp(key + len, name))
			value->set = parse_i64(annotations->items[i].value, &value->value) == 0;
	}
}

void size_read_hints(const struct json_map *annotations, struct size_limits *limits)
{
	struct oci_memory memory = { 0 };
	struct oci_cpu cpu = { 0 };
	const struct oci_linux_resources resources = { .memory = &memory, .cpu = &cpu };
	struct opt_i64 period_us = { 0 };
	struct size_limits hinted = { 0 };

	read_hint(annotations, "memory", &memory.limit);
	read_hint(annotations, "cpu-quota", &cpu.quota_us);
	read_hint(annotations, "cpu-period", &period_us);
	if (period_us.set && period_us.value > 0)
		cpu.period_us = (struct opt_u64){ true, (uint64_t)period_us.value };
	size_read(&resources, &hinted);
	if (hinted.cpu_millis > limits->cpu_millis)
		limits->cpu_millis = hinted.cpu_millis;
	if (hinted.memory_mib > limits->memory_mib)
		limits->memory_mib = hinted.memory_mib;
}

void size_complete_quota(struct oci_cpu *cpu, int64_t *quota_us, uint64_t *period_us)
{
	bool has_quota = cpu && is_given(&cpu->quota_us);
	bool has_period = cpu && cpu->period_us.set && cpu->period_us.value;

	if (has_quota)
		*quota_us = cpu->quota_us.value;
	if (has_period)
		*period_us = cpu->period_us.value;
	if (has_period && !has_quota && *quota_us)
		cpu->quota_us = (struct opt_i64){ .set = true, .value = *quota_us };
	if (has_quota && !has_period && *period_us)
		cpu->period_us = (struct opt_u64){ .set = true, .value = *period_us };
}

void size_add(struct size_limits *sum, const struct size_limits *more)
{
	if (__builtin_add_overflow(sum->cpu_millis, more->cpu_millis, &sum->cpu_millis))
		sum->cpu_millis = UINT32_MAX;
	if (__builtin_add_overflow(sum->memory_mib, more->memory_mib, &sum->memory_mib))
		sum->memory_mib = UINT32_MAX;
}

uint32_t size_memory_mib(const struct size_limits *limits, uint32_t at_least_mib)
{
	uint64_t mib = (uint64_t)limits->memory_mib + OVERHEAD_MIB;
	uint32_t most = host_memory_mib();

	if (limits->memory_mib == 0)
		return at_least_mib;
	if (mib > most)
		mib = most;
	return mib > at_least_mib ? (uint32_t)mib : at_least_mib;
}

uint32_t size_vcpus(const struct size_limits *limits, uint32_t at_least)
{
	uint32_t vcpus = limits->cpu_millis / MILLIS + (limits->cpu_millis % MILLIS != 0);

	if (vcpus > host_vcpus())
		vcpus = host_vcpus();
	return vcpus > at_least ? vcpus : at_least;
}
