/* What the kernel keeps for a process beside its identity: execution domain, scheduling, I/O
 * priority; and the offsets of a time namespace. */
#ifndef AGENT_GUEST_PROCATTR_H
#define AGENT_GUEST_PROCATTR_H

#include <stdbool.h>
#include <sys/types.h>
#include "base/error.h"
#include "oci/spec.h"

/* Does the kernel know utilisation clamps? */
bool procattr_has_clamps(void);
/* Applies linux.personality (may be NULL) to the caller. */
int procattr_set_personality(const struct oci_personality *wanted, struct error *err) must_check;
/* Applies process.scheduler and process.ioPriority to a process, 0 being the caller; while it may
 * still do that. */
int procattr_schedule(const struct oci_process *process, pid_t pid, struct error *err) must_check;
/* A process, 0 being the caller, has unshared a time namespace: sets its offsets. */
int procattr_write_offsets(pid_t pid, const struct json_obj_map *offsets, struct error *err)
	must_check;
/* The caller enters the time namespace that it has unshared. */
int procattr_enter_time(struct error *err) must_check;

#endif
