/* What the kernel keeps for a process beside its identity: execution domain, scheduling, I/O
 * priority; and the offsets of a time namespace. */
#ifndef AGENT_GUEST_PROCATTR_H
#define AGENT_GUEST_PROCATTR_H

#include "base/error.h"
#include "oci/spec.h"

/* Applies linux.personality, process.scheduler and process.ioPriority to the caller; while it may
 * still do that. */
int procattr_apply(const struct oci_linux *linux_, const struct oci_process *process,
		   struct error *err) must_check;
/* The caller has unshared a time namespace: sets its offsets, then enters it. */
int procattr_enter_time(const struct json_obj_map *offsets, struct error *err) must_check;

#endif
