/* How large a machine the limits of a container ask for. */
#ifndef RUNTIME_SANDBOX_SIZE_H
#define RUNTIME_SANDBOX_SIZE_H

#include <stdint.h>
#include "oci/spec.h"

/* `resources` may be NULL. A limit beyond what the host has is none. */
uint32_t size_memory_mib(const struct oci_linux_resources *resources, uint32_t at_least_mib);
uint32_t size_vcpus(const struct oci_linux_resources *resources, uint32_t at_least);

#endif
