/* The share of the host, and a container's root in it. */
#ifndef AGENT_GUEST_ROOTFS_H
#define AGENT_GUEST_ROOTFS_H

#include <stdint.h>
#include "base/error.h"

/* Mounts the 9p share with that tag on GUEST_SHARE_DIR; msize in bytes, 0: ours. May block. */
int rootfs_mount_share(const char *tag, uint32_t msize, struct error *err) must_check;

/*
 * In a container's new mount namespace: cuts it off from the machine's and binds `rootfs` (relative
 * to the share) to GUEST_ROOT_DIR. Returns a descriptor of it.
 */
int rootfs_bind(const char *rootfs, const char *propagation, struct error *err) must_check;
/* Makes the bound directory "/", and lets go of everything else. */
int rootfs_enter(int root_fd, struct error *err) must_check;

#endif
