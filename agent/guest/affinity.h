/* The CPUs that a further process may run on: process.execCPUAffinity. */
#ifndef AGENT_GUEST_AFFINITY_H
#define AGENT_GUEST_AFFINITY_H

#include "base/error.h"
#include "oci/spec.h"

/* Where the process is while it enters the container; `wanted` may be NULL. CPUs are the guest's.
 */
int affinity_set_initial(const struct oci_cpu_affinity *wanted, struct error *err) must_check;
/* Where it runs afterwards: without a word about that, on every CPU of its cgroup. */
int affinity_set_final(const struct oci_cpu_affinity *wanted, struct error *err) must_check;

#endif
