/* What checkpoint and the commands around it share. */
#ifndef RUNTIME_SANDBOX_CHECKPOINT_INTERNAL_H
#define RUNTIME_SANDBOX_CHECKPOINT_INTERNAL_H

#include "agent/proto/calls.h"
#include "runtime/sandbox/store.h"

/* Lets the machine and the shim of a container go on that a checkpoint has stopped; fine when they
 * were not stopped. The container's processes stay frozen. */
int checkpoint_let_go(struct record *rec, struct error *err) must_check;

/* CALL_PAUSECONTAINER, CALL_RESUMECONTAINER. */
int pause_ask_agent(struct record *rec, enum call_code code, struct error *err) must_check;
/* Does that failure of the latter mean that nothing was frozen? */
bool pause_was_running(int ret, const struct error *err);

#endif
