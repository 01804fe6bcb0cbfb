/* What the hypervisor below the device model decides: whether one more VM may be made. */
#ifndef TESTS_STANDINS_ACRN_HYPERVISOR_H
#define TESTS_STANDINS_ACRN_HYPERVISOR_H

#include "tests/standins/acrn/dm_parse.h"
#include "tests/standins/acrn/settings.h"

/*
 * Takes a place for the VM, known by its UUID or name, for the life of this process. Tried ten
 * times in 5 s, as the device model does. 0 or -errno: -ENODEV when the hypervisor does not know
 * the UUID, -EEXIST when the identity is taken, -ENOSPC when there are VMs enough.
 */
int hypervisor_create_vm(const struct settings *set, const struct dm_config *cfg) must_check;

#endif
