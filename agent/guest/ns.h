/* Which namespaces a container gets: new ones, those of the pod, or the machine's. */
#ifndef AGENT_GUEST_NS_H
#define AGENT_GUEST_NS_H

#include <stdbool.h>
#include "base/error.h"
#include "oci/spec.h"

struct ns_plan {
	int new_flags;	/* CLONE_NEW* to be made */
	int join_flags; /* CLONE_NEW* taken from the pod's first container */
};

/*
 * A namespace with a path names one of the host, which stands for the pod: it is shared with the
 * pod's first container (when there is one; else it is new). The network is always the machine's.
 * Mounts are always the container's own. A user namespace with a path that is to be made after all
 * needs mappings: -EINVAL without.
 */
int ns_make_plan(const struct oci_spec *spec, bool pod_exists, struct ns_plan *plan,
		 struct error *err) must_check;

#endif
