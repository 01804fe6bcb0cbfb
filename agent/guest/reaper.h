/* Dead children: ours and the orphans of all others. */
#ifndef AGENT_GUEST_REAPER_H
#define AGENT_GUEST_REAPER_H

#include "agent/guest/guest.h"

/* Takes SIGCHLD through the loop from now on. -errno. */
int reaper_start(struct guest *guest) must_check;

#endif
