/* What PID 1 owes the system: file systems, limits, and the way to the host. */
#ifndef AGENT_GUEST_INIT_H
#define AGENT_GUEST_INIT_H

#include "base/error.h"

/* The least that is needed to reach the host: /dev, /sys, /proc, a root that can be pivoted away
 * from, and the drivers of the channels. */
int init_early(struct error *err) must_check;
/* The rest, once READY is on its way. Failures are logged. */
void init_late(void);
/* Opens the virtio port of that name (waits for it to appear). Returns a non-blocking descriptor,
 * or -errno. */
int init_open_port(const char *name) must_check;

#endif
