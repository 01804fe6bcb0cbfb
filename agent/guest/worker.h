/* A job that may block, done by a forked child so that the loop goes on. */
#ifndef AGENT_GUEST_WORKER_H
#define AGENT_GUEST_WORKER_H

#include <stdbool.h>
#include <sys/types.h>
#include "agent/guest/guest.h"
#include "base/error.h"

/* Runs in the child. */
typedef int worker_job(void *arg, struct error *err);
/* Runs in the agent when the child has ended; err->code is 0 on success. */
typedef void worker_done(struct guest *guest, void *arg, const struct error *err);

/* `arg` is what the child sees a copy of; it must live until `done` (may be NULL) has run. */
int worker_start(struct guest *guest, worker_job *job, worker_done *done, void *arg,
		 struct error *err) must_check;
/* A child has ended. True when it was a worker. */
bool worker_reaped(struct guest *guest, pid_t pid, int status);

/* Puts a forked child's signal mask and dispositions back to what programs expect. */
void worker_reset_signals(void);

#endif
