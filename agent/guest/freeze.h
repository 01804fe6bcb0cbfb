/* Pausing a container by its cgroup's freezer. */
#ifndef AGENT_GUEST_FREEZE_H
#define AGENT_GUEST_FREEZE_H

#include "agent/guest/container.h"

/* PAUSECONTAINER: the slot is answered once nothing in the container runs any more. */
void freeze_pause(struct container *container, struct slot *slot);
/* RESUMECONTAINER: signals that came meanwhile and would end its first process do that now. */
void freeze_resume(struct container *container, struct slot *slot);
/* Stops waiting, for a container that goes; a request that waits is answered. */
void freeze_done(struct container *container);

#endif
