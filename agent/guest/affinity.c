#include "agent/guest/affinity.h"

#include <errno.h>
#include <sched.h>
#include <string.h>

#include "agent/guest/fail.h"
#include "oci/cpus.h"

static int set(const char *list, const char *when, struct error *err)
{
	cpu_set_t cpus;
	int ret = oci_cpus_parse(list, &cpus);

	if (ret == 0 && sched_setaffinity(0, sizeof(cpus), &cpus) < 0)
		ret = -errno;
	return ret < 0 ? fail_set(err, ret, "set execCPUAffinity.%s \"%s\"", when, list) : 0;
}

int affinity_set_initial(const struct oci_cpu_affinity *wanted, struct error *err)
{
	if (!wanted || !wanted->initial || !*wanted->initial)
		return 0;
	return set(wanted->initial, "initial", err);
}

int affinity_set_final(const struct oci_cpu_affinity *wanted, struct error *err)
{
	cpu_set_t all;

	if (wanted && wanted->final && *wanted->final)
		return set(wanted->final, "final", err);
	if (!wanted || !wanted->initial || !*wanted->initial)
		return 0;
	memset(&all, 0xff, sizeof(all));
	return sched_setaffinity(0, sizeof(all), &all) < 0
		       ? fail_set(err, -errno, "leave the CPUs of execCPUAffinity.initial")
		       : 0;
}
