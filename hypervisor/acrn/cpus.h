/*
 * Which CPUs a VM gets. The device model is given a list of them, and its length is the number of
 * vCPUs. An id that does not exist is not refused by it but taken for another: so it is here.
 */
#ifndef HYPERVISOR_ACRN_CPUS_H
#define HYPERVISOR_ACRN_CPUS_H

#include "base/strbuf.h"
#include "hypervisor/acrn/platform.h"

enum { ACRN_CPUS_MAX = 64 };

struct cpu_list {
	uint32_t ids[ACRN_CPUS_MAX];
	uint32_t len;
};

/* Reads "0,2-4". -EINVAL for anything else, for ids given twice or of 64 and more where they are
 * not `lapic` ids. */
int cpu_list_parse(const char *text, bool lapic, struct cpu_list *list, struct error *err)
	must_check;

/* The CPUs of a /proc/cpuinfo: its "apicid"s, or its "processor"s. */
void cpu_list_read_cpuinfo(const char *text, bool lapic, struct cpu_list *list);

/* The ids of the CPUs that a MADT (len bytes of the ACPI table "APIC") lists as usable. */
void cpu_list_read_madt(const void *madt, size_t len, struct cpu_list *list);

/*
 * Writes the --cpu_affinity of a VM with `vcpus` of them; "" when the profile has no such option.
 * `configured` is the configuration's list, "" for all of the host. Where more are allowed than
 * needed, `spread` decides which ones, so that VMs are spread over them; where fewer are, the VM
 * gets those, with a warning.
 */
int cpus_choose(const struct acrn_platform *host, const struct acrn_profile *profile,
		const char *configured, uint32_t vcpus, uint32_t spread, struct strbuf *affinity,
		struct error *err) must_check;

#endif
