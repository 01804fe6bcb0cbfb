/* Names of VMs. */
#ifndef HYPERVISOR_ACRN_NAME_H
#define HYPERVISOR_ACRN_NAME_H

#include <stdint.h>

enum { ACRN_NAME_LEN = 15 };

/*
 * The name of the VM called `name` whose files are in `dir`: always 15 letters and digits, the
 * first a letter. That is valid in every release; and as acrnctl takes a name for another that it
 * begins with, all of one length cannot be mixed up. The same input gives the same name.
 */
void name_of_vm(const char *name, const char *dir, char out[static ACRN_NAME_LEN + 1]);

/* A number that is spread evenly over names, to choose by. */
uint32_t name_spread(const char *name);

#endif
