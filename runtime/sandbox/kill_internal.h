/* Signals by way of the agent, for kill and delete. */
#ifndef RUNTIME_SANDBOX_KILL_INTERNAL_H
#define RUNTIME_SANDBOX_KILL_INTERNAL_H

#include <stdbool.h>
#include "runtime/sandbox/store.h"

/* Has the agent send signo to the container's first process, or to all. */
int kill_by_agent(struct record *rec, int signo, bool all, struct error *err) must_check;

#endif
