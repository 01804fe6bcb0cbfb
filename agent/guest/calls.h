/* One handler for each call of agent/proto/calls.h. A handler answers its slot, at once or later;
 * payload ends with a NUL behind len. */
#ifndef AGENT_GUEST_CALLS_H
#define AGENT_GUEST_CALLS_H

#include "agent/guest/slots.h"
#include "agent/proto/calls.h"

typedef void call_handler(struct guest *guest, struct slot *slot, const char *payload, size_t len);

#define X(symbol, code, name, token) call_handler handle_##symbol;
CALLS_LIST(X)
#undef X

#endif
