/* The QEMU backend: the one name of it that the registry knows. */
#ifndef HYPERVISOR_QEMU_QEMU_H
#define HYPERVISOR_QEMU_QEMU_H

#include "hypervisor/hypervisor.h"

extern const struct hypervisor_ops qemu_ops;

#endif
