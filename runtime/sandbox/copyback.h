/* What a container has changed in its writable bind mounts, where its guest has copies of them,
 * goes back to the host before its machine ends. */
#ifndef RUNTIME_SANDBOX_COPYBACK_H
#define RUNTIME_SANDBOX_COPYBACK_H

#include "runtime/sandbox/store.h"

/*
 * Brings all changes back, of a container whose processes have ended. What the guest cannot give
 * any more is warned about; an error, which names the mount, is the host's: then it may be done
 * again. Nothing to do for containers that have no copies or were never started.
 */
int copyback_all(struct record *rec, struct error *err) must_check;

#endif
