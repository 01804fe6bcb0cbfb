/* How large a machine the limits of containers ask for. */
#ifndef RUNTIME_SANDBOX_SIZE_H
#define RUNTIME_SANDBOX_SIZE_H

#include <stdint.h>
#include "oci/spec.h"

/* Of one container, or of all in a machine. 0: no limit. */
struct size_limits {
	uint32_t cpu_millis; /* thousandths of a CPU that the quota keeps busy */
	uint32_t memory_mib;
};

/* Takes over the limits that are set in `resources` (may be NULL), the others stay. A limit beyond
 * what the host has is none. */
void size_read(const struct oci_linux_resources *resources, struct size_limits *limits);

/* What the sandbox of a pod says of the limits of the containers that will come (containerd's
 * io.kubernetes.cri.sandbox-memory, -cpu-quota and -cpu-period): takes the place of less. For
 * machines that cannot grow later. */
void size_read_hints(const struct json_map *annotations, struct size_limits *limits);

/* Quota and period belong together: what `cpu` (may be NULL) does not set comes from *quota_us and
 * *period_us, which are then what holds. 0 is not set. */
void size_complete_quota(struct oci_cpu *cpu, int64_t *quota_us, uint64_t *period_us);

/* Adds, without ever wrapping around. */
void size_add(struct size_limits *sum, const struct size_limits *more);

/* The machine for these limits: never below `at_least`, never beyond the host. */
uint32_t size_memory_mib(const struct size_limits *limits, uint32_t at_least_mib);
uint32_t size_vcpus(const struct size_limits *limits, uint32_t at_least);

#endif
