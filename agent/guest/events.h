/* What happens to containers: kept for a while, numbered, and told to who waits for it. */
#ifndef AGENT_GUEST_EVENTS_H
#define AGENT_GUEST_EVENTS_H

#include "agent/guest/guest.h"
#include "agent/guest/slots.h"
#include "agent/proto/calls_control.h"

struct events;

/* NULL when out of memory. */
struct events *events_new(void);
void events_free(struct events *events);

/* An event has happened; `type` is a constant, process may be NULL. */
void events_add(struct guest *guest, const char *type, const char *container, const char *process,
		uint32_t status);

/* Number of the last event; 0: there was none. */
uint64_t events_last(const struct guest *guest);

/* WAITEVENTS: answers the slot, now or later. An id may have been another container's
 * before: what happened to that is not told of a container that is there. */
void events_wait(struct guest *guest, const struct call_waitevents *call, struct slot *slot);
/* WAITPROCESS, of a process that lives (`alive`) or may have ended. */
void events_wait_process(struct guest *guest, const struct call_waitprocess *call, bool alive,
			 struct slot *slot);

#endif
