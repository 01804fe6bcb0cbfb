/* A process that outlives the server by a moment, to end what a killed one leaves. */
#ifndef CMD_ACRUN_CACHED_GUARD_H
#define CMD_ACRUN_CACHED_GUARD_H

#include <sys/types.h>
#include "base/error.h"

/* Starts one. *alive_fd is the end of a pipe that the caller keeps open as long as it lives. */
int guard_start(const char *endpoint, int *alive_fd, pid_t *pid, struct error *err) must_check;

/* The guard's own life: waits for the end of its stdin, then sweeps, unless another server has
 * begun. */
int guard_run(const char *endpoint, struct error *err) must_check;

#endif
