/* Device nodes of a container. */
#ifndef AGENT_GUEST_DEV_H
#define AGENT_GUEST_DEV_H

#include <stddef.h>
#include "base/error.h"
#include "oci/spec.h"

/* How many nodes a container gets: the default ones, then those of linux.devices. */
size_t dev_count(const struct oci_spec *spec);
/* With the guest's own root, for a container whose root may make no nodes: each as a detached
 * mount, in `trees` (dev_count() places). A default node is the guest's own, as nobody's in the
 * container as one of the host's is with runc; others belong to whom config.json says, and have
 * names in the directory `dir`, which must last until dev_make_all(). */
int dev_prepare(const struct oci_spec *spec, const char *dir, int *trees, struct error *err)
	must_check;
/* Makes the nodes and the default links below root_fd; nothing when /dev is a bind mount. `trees`
 * is what dev_prepare() has made, NULL without it. */
int dev_make_all(const struct oci_spec *spec, int root_fd, const int *trees, struct error *err)
	must_check;

#endif
