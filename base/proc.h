/* Processes of others: identity that survives pid reuse, signals by pidfd. Leaf: -errno. */
#ifndef BASE_PROC_H
#define BASE_PROC_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include "base/error.h"

/* A process named beyond doubt: pid and start time (field 22 of /proc/pid/stat, in clock ticks
 * since boot). */
struct proc_id {
	int64_t pid; /* 0: none */
	uint64_t start_time;
};

/* Start time of pid; -ESRCH when there is no such process (zombies count as gone: -ESRCH too). */
int proc_start_time(pid_t pid, uint64_t *start_time) must_check;
/* Fills id for a live process. */
int proc_identify(pid_t pid, struct proc_id *id) must_check;
/* True while exactly this process lives (a zombie does not). */
bool proc_is_alive(const struct proc_id *id);
/* pidfd of exactly this process, or -ESRCH. */
int proc_open(const struct proc_id *id) must_check;
/* Sends sig to exactly this process; -ESRCH when gone. */
int proc_signal(const struct proc_id *id, int sig) must_check;
/* Waits until it is gone (any parent). 0, -ETIMEDOUT. timeout_ms < 0 for ever. Event driven. */
int proc_wait_gone(const struct proc_id *id, int timeout_ms) must_check;
/* Directory of this program's executable without trailing slash; caller frees. */
int proc_exe_dir(char **out) must_check;

#endif
