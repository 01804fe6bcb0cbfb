/* The ACRN backend: the one name of it that the registry knows. */
#ifndef HYPERVISOR_ACRN_ACRN_H
#define HYPERVISOR_ACRN_ACRN_H

#include "hypervisor/hypervisor.h"

extern const struct hypervisor_ops acrn_ops;

#endif
