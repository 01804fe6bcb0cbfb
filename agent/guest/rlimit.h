/* Resource limits and the like of a process. */
#ifndef AGENT_GUEST_RLIMIT_H
#define AGENT_GUEST_RLIMIT_H

#include "base/error.h"
#include "oci/spec.h"

/* Applies process.rlimits to the caller. */
int rlimit_apply(const struct oci_process *process, struct error *err) must_check;
/* Raises the caller's hard limits to where rlimit_apply() will want them: that needs a privilege
 * that a user namespace takes away. Lowers nothing. */
int rlimit_raise(const struct oci_process *process, struct error *err) must_check;
/* Writes process.oomScoreAdj to the caller's own file; needs /proc. */
int rlimit_oom_score(const struct oci_process *process, struct error *err) must_check;

#endif
