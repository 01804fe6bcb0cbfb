/* Disks that are given to the machine while it runs, and what is on them. */
#ifndef AGENT_GUEST_STORAGE_H
#define AGENT_GUEST_STORAGE_H

#include <stdbool.h>
#include <stddef.h>
#include "agent/proto/calls_storage.h"
#include "base/error.h"

/* "vda" and the like: the only devices that images are on. */
bool storage_is_disk(const char *name);

enum { STORAGE_TYPES = 3 };

/* Is the file system `name` in a text like that of /proc/filesystems? */
bool storage_has_type(const char *text, const char *name);

/* Fills `names` with the file systems for images that this kernel has or can load, constants.
 * Returns how many. */
size_t storage_types(const char *names[static STORAGE_TYPES]);

/* Does what the call says; leaves nothing mounted on failure. *reply is filled for a node. May
 * block: for a worker. */
int storage_mount_image(const struct call_mountimage *call, struct call_mountimage_reply *reply,
			struct error *err) must_check;

#endif
