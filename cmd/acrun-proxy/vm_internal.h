/* What the VM's files share: how its channels are opened, and what becomes of their events. */
#ifndef ACRUN_PROXY_VM_INTERNAL_H
#define ACRUN_PROXY_VM_INTERNAL_H

#include <stdint.h>

enum { VM_READ_BYTES = 64 << 10 }; /* at a time, of a channel */

/* The loop's, for both channels; arg is the struct vm. */
void vm_on_channel(void *arg, int fd, uint32_t events);

#endif
