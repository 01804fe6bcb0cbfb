/* What the handlers of calls share. */
#ifndef AGENT_GUEST_HANDLER_H
#define AGENT_GUEST_HANDLER_H

#include <stdbool.h>
#include "agent/guest/calls.h"
#include "agent/guest/container.h"

/* Decodes the payload of a call; on failure the slot is answered. */
bool handler_decode(const struct json_type *type, const char *payload, size_t len,
		    struct arena *arena, void *out, struct slot *slot);
/* The container a call names; NULL when unknown, and the slot is answered. */
struct container *handler_container(struct guest *guest, const char *id, struct slot *slot);
/* The same where none may be named. False when the slot is answered. */
bool handler_maybe_container(struct guest *guest, const char *id, struct container **container,
			     struct slot *slot);

#endif
