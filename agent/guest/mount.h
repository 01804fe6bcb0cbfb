/* The mounts of config.json, made in the caller's mount namespace below a root that is not yet "/".
 */
#ifndef AGENT_GUEST_MOUNT_H
#define AGENT_GUEST_MOUNT_H

#include <stdbool.h>
#include "base/error.h"
#include "oci/spec.h"

struct mount_context {
	int root_fd;	    /* the container's root */
	int share_fd;	    /* sources of bind mounts are below it; -1: none */
	const char *cgroup; /* absolute path of the container's cgroup */
	bool own_cgroup_ns;
	const int *trees; /* what mount_prepare() has made; NULL: nothing */
};

/* With the guest's own root, for a container whose root may not: makes as detached mounts what
 * comes from the share, and sysfs, whose network the machine owns. `trees` has one place for each
 * of spec->mounts. Errors name the mount. */
int mount_prepare(const struct oci_spec *spec, int share_fd, int *trees, struct error *err)
	must_check;

/* Makes all of them in order. Errors name the mount. */
int mount_all(const struct oci_spec *spec, const struct mount_context *ctx, struct error *err)
	must_check;
/* Makes read-only what was to be, but had to be filled first: tmpfs, and what is at /dev. Errors
 * name the mount. */
int mount_seal(const struct oci_spec *spec, int root_fd, struct error *err) must_check;
/* Adds flags (MS_RDONLY and the like) to what is mounted at target_fd, keeping what holds there.
 * -errno. */
int mount_restrict(int target_fd, unsigned long flags) must_check;
/* Mounts the object behind source_fd over the one behind target_fd. -errno. */
int mount_bind_fd(int source_fd, int target_fd, bool recursive) must_check;

#endif
