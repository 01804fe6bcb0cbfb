/* Which namespaces a container gets: new ones, those of the pod, or the machine's. */
#ifndef AGENT_GUEST_NS_H
#define AGENT_GUEST_NS_H

#include <stdbool.h>
#include "base/error.h"
#include "oci/spec.h"

struct ns_plan {
	int new_flags;	     /* CLONE_NEW* to be made */
	int join_flags;	     /* CLONE_NEW* taken from other containers */
	const char *join_id; /* whose; NULL: the pod's first container */
	const char *pid_id;  /* the same for CLONE_NEWPID */
};

/*
 * A namespace with a path is shared with another container of the pod when there is one, else it
 * is new. The path is the id of that container, or one of the host, which stands for the pod: then
 * it is the first container's. But for the pid namespace, all are of the same one (-ENOTSUP). The
 * network is always the machine's. Mounts are always the container's own. A user namespace with a
 * path that is to be made after all needs mappings: -EINVAL without.
 */
int ns_make_plan(const struct oci_spec *spec, bool pod_exists, struct ns_plan *plan,
		 struct error *err) must_check;

#endif
