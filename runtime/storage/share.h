/*
 * What the guest sees of the host's file systems: one directory shared by 9p, into which the root
 * file system and the bind mounts of the containers are mounted. The mounts exist only in the VMM's
 * private mount namespace, so they vanish with it, however it ends.
 */
#ifndef RUNTIME_STORAGE_SHARE_H
#define RUNTIME_STORAGE_SHARE_H

#include "base/arena.h"
#include "base/error.h"
#include "oci/spec.h"
#include "runtime/storage/idmap.h"

/* One bind mount to be made inside the share. */
struct share_mount {
	const char *source;	 /* absolute on the host */
	const char *target;	 /* relative to the share */
	const char *destination; /* in the container, for messages */
	bool is_dir;
	bool recursive;
	bool readonly;
	const struct idmap *idmap; /* NULL: its files belong to whom they belong on the disk */
};

struct share {
	const char *dir; /* absolute path of the shared directory */
	struct share_mount *mounts;
	size_t n_mounts;
	bool keeps_names; /* what is bound in the share is called there as it is on the host: its
			     name shows in the container's /proc/self/mountinfo. To be set before
			     share_plan() */
	bool no_devices; /* block devices of the host stay what they are in spec: others see to them
			  */
	struct oci_hooks
		*hooks; /* what the guest runs of them, their programs in the share; NULL: none */
};

/*
 * Works out what has to be shared for container `id` of the bundle, and rewrites the bind mounts of
 * spec to what the guest's agent expects: a source relative to the share, or an absolute path of
 * the guest's own for character devices and kernel file systems. The programs of createContainer
 * hooks, which are the host's, are shared as well. Everything lives in arena. rootfs
 * receives the root's path relative to the share. What is mapped loses its mappings in spec, for
 * the guest sees the result. Missing sources and ones that cannot be shared are errors that name
 * the mount.
 */
int share_plan(struct share *share, struct oci_spec *spec, const char *rootfs_path,
	       const char *bundle, const char *id, struct arena *arena, const char **rootfs,
	       struct error *err) must_check;

/* Makes the empty files and directories that will be mounted over, below the directory dir_fd. */
int share_make_targets(const struct share *share, int dir_fd, struct error *err) must_check;

/* Makes the mounts. To be called in the VMM's new mount namespace, before it starts. */
int share_mount_all(const struct share *share, struct error *err) must_check;

/* A copy of what is to be shared, as the caller sees it, mounted nowhere yet: a descriptor
 * (O_CLOEXEC). Fails on kernels before 5.12. */
int share_pick_up(const struct share_mount *item, struct error *err) must_check;

/*
 * share_mount_all() for a VMM that runs already, in the mount namespace mnt_ns_fd, which we are
 * left in: to be called by spawn_call(). What is shared is picked up as the caller sees it, for
 * that namespace may be older than the mounts of the container. Fails on kernels before 5.12.
 */
int share_mount_into(const struct share *share, int mnt_ns_fd, struct error *err) must_check;

#endif
