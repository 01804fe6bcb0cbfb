/* How large a machine a container wants: what the configuration gives everyone, and more where the
 * limits of config.json ask for more. */
#include "runtime/sandbox/create_internal.h"

#include <unistd.h>
#include "runtime/sandbox/size.h"

/* Of the machine's memory, so much is not the container's: the guest's kernel, the agent, caches
 * that a limit does not count. */
enum { OVERHEAD_MIB = 96, MIB_SHIFT = 20 };

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

/* A limit beyond the host's memory is none. */
uint32_t size_memory_mib(const struct oci_linux_resources *resources, uint32_t at_least_mib)
{
	const struct oci_memory *memory = resources ? resources->memory : NULL;
	uint64_t mib;

	if (!memory || !memory->limit.set || memory->limit.value <= 0)
		return at_least_mib;
	mib = ((uint64_t)memory->limit.value >> MIB_SHIFT) + OVERHEAD_MIB;
	return mib > at_least_mib && mib <= host_memory_mib() ? (uint32_t)mib : at_least_mib;
}

/* As many CPUs as the quota can keep busy. */
uint32_t size_vcpus(const struct oci_linux_resources *resources, uint32_t at_least)
{
	const struct oci_cpu *cpu = resources ? resources->cpu : NULL;
	uint64_t period, vcpus;

	if (!cpu || !cpu->quota_us.set || cpu->quota_us.value <= 0)
		return at_least;
	period = cpu->period_us.set && cpu->period_us.value ? cpu->period_us.value : 100000;
	vcpus = ((uint64_t)cpu->quota_us.value + period - 1) / period;
	if (vcpus > host_vcpus())
		vcpus = host_vcpus();
	return vcpus > at_least ? (uint32_t)vcpus : at_least;
}

void create_size(struct create *create)
{
	const struct oci_linux_resources *resources =
		create->spec.linux_ ? create->spec.linux_->resources : NULL;
	struct machine *machine = &create->machine;

	create->wanted_vcpus = size_vcpus(resources, machine->vcpus);
	create->wanted_memory_mib = size_memory_mib(resources, machine->memory_mib);
}
