/* Notices that the kernel has killed something in a container for want of memory. */
#ifndef AGENT_GUEST_OOM_H
#define AGENT_GUEST_OOM_H

#include "agent/guest/container.h"

/* Watches a container from its creation on; without a memory controller there is nothing to see. */
void oom_watch(struct container *container);
/* Has there been a kill? Then that is an event, before what follows from it. */
void oom_check(struct container *container);
void oom_unwatch(struct container *container);

#endif
