/*
 * The processes on the host that stand for exec'd ones, as a directory of the container: one empty
 * file each, named by pid and start time. So any number of execs is recorded at once without
 * touching state.json, and delete finds them all.
 */
#ifndef RUNTIME_SANDBOX_EXECS_H
#define RUNTIME_SANDBOX_EXECS_H

#include "base/error.h"

/* Records the calling process in the container's directory dir_fd, and forgets those that have
 * ended. The container's lock is held, at least shared. */
int execs_add_self(int dir_fd, struct error *err) must_check;

/* How many of them live. */
unsigned execs_count(int dir_fd);

/* Ends all of them: waits grace_ms for those that end by themselves, as they do when the
 * container has stopped, then kills. May run twice. The container's lock is held. */
void execs_end(int dir_fd, int grace_ms);

#endif
