/*
 * What clients see of a container's files by the process that stands for it on the host: `podman
 * cp` and whoever else enters /proc/PID/ns/mnt or /proc/PID/root takes its mounts for the
 * container's. So that process has a mount namespace whose root is the container's root file
 * system, with the container's bind mounts in it. What the guest alone has there (tmpfs, proc,
 * devices) is an empty read-only directory: a write to it fails, instead of going to a file that
 * nobody in the container sees. The host's files are not in it.
 */
#ifndef RUNTIME_SANDBOX_VIEW_H
#define RUNTIME_SANDBOX_VIEW_H

#include <stdbool.h>
#include "base/error.h"
#include "base/proc.h"
#include "runtime/storage/share.h"

/*
 * Makes such a namespace, the bind mounts not yet in it, and returns a descriptor of it
 * (O_CLOEXEC). `rootfs` is the directory that becomes the root, read-only if asked for; NULL: an
 * empty one. `point` is a directory that something may be mounted on for the moment, in no
 * namespace but this. To be called in a child: should it fail half-way, the caller may be left
 * among other mounts.
 */
int view_make(const char *rootfs, bool readonly, const char *point, struct error *err) must_check;

/* The mount namespace of the process; a descriptor (O_CLOEXEC), -ESRCH when it has ended. */
int view_open(const struct proc_id *id, struct error *err) must_check;

/*
 * Puts the mounts of spec into the view that the process has: after the guest has made the places
 * where they go. Those of the share that spec's mounts name are picked up as the caller sees them.
 */
int view_fill(const struct proc_id *id, const struct share *share, const struct oci_spec *spec,
	      struct error *err) must_check;

#endif
