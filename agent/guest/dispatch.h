/* From control frames to handlers, and I/O frames to streams. */
#ifndef AGENT_GUEST_DISPATCH_H
#define AGENT_GUEST_DISPATCH_H

#include "agent/guest/guest.h"

/* What the two channels report to; arg is the struct guest. */
extern const struct channel_events dispatch_ctl_events;
extern const struct channel_events dispatch_tty_events;

/* Starts the requests that are waiting and may now run. */
void dispatch_wake(struct guest *guest);

#endif
