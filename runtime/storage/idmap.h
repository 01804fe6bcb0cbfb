/* Mounts whose files belong to others than on the disk: uidMappings, gidMappings, "idmap" and
 * "ridmap" of config.json. The host maps what it shares, so that the guest sees the result. */
#ifndef RUNTIME_STORAGE_IDMAP_H
#define RUNTIME_STORAGE_IDMAP_H

#include <stdbool.h>
#include "base/arena.h"
#include "base/error.h"
#include "oci/spec.h"

struct idmap {
	const char *uids, *gids; /* lines of a uid_map: id on the disk, id as seen, how many */
	bool recursive;
};

/*
 * Works out how a bind mount that oci_mount_is_mapped() is to be mapped, and takes that out of
 * the mount: who makes it afterwards need not know. Without mappings of its own it gets those of
 * the container's users. *idmap is NULL for a mount that asks for nothing; all lives in arena.
 */
int idmap_plan(struct oci_mount *mount, const struct oci_spec *spec, struct arena *arena,
	       const struct idmap **idmap, struct error *err) must_check;

/* Maps a mount that hangs nowhere yet (open_tree(2)); `source` is for messages. -EINVAL and
 * -EOPNOTSUPP come with a hint: the file system, or the kernel, cannot do it. */
int idmap_apply(const struct idmap *idmap, int tree_fd, const char *source, struct error *err)
	must_check;

#endif
