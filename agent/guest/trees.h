/* Trees of files that are copied from the host into the share, and what a container has changed of
 * them back. */
#ifndef AGENT_GUEST_TREES_H
#define AGENT_GUEST_TREES_H

#include "agent/proto/calls_storage.h"
#include "base/error.h"

/* Do what the calls say; trees_put() leaves nothing on failure. May block: for a worker. */
int trees_put(const struct call_puttree *call, struct error *err) must_check;
int trees_take(const struct call_taketree *call, uint64_t *bytes, struct error *err) must_check;

#endif
