/* The share of the host, and a container's root in it. */
#ifndef AGENT_GUEST_ROOTFS_H
#define AGENT_GUEST_ROOTFS_H

#include <stdint.h>
#include "base/error.h"

/* Mounts the 9p share with that tag on GUEST_SHARE_DIR; msize in bytes, 0: ours. May block. */
int rootfs_mount_share(const char *tag, uint32_t msize, struct error *err) must_check;

/* A detached copy (agent/guest/detached.h) of the directory `rootfs`, relative to the share. Needs
 * the guest's own root. Returns its descriptor. */
int rootfs_open_tree(const char *rootfs, struct error *err) must_check;
/* In a container's new mount namespace: cuts it off from the machine's and mounts that tree at
 * GUEST_ROOT_DIR. Returns a descriptor of it. */
int rootfs_attach(int tree_fd, struct error *err) must_check;
/* Makes the attached directory "/", and lets go of everything else; then gives it the propagation
 * that linux.rootfsPropagation names (NULL: none given). */
int rootfs_enter(int root_fd, const char *propagation, struct error *err) must_check;

#endif
