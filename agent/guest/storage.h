/* The share of a machine that the host shares no directory with: images on disks. */
#ifndef AGENT_GUEST_STORAGE_H
#define AGENT_GUEST_STORAGE_H

#include <stdbool.h>
#include "agent/proto/calls_storage.h"
#include "base/error.h"

/* Makes GUEST_SHARE_DIR an empty directory, for images to be mounted in. */
int storage_make_share(struct error *err) must_check;

/* "vda" and the like: the only devices that images are on. */
bool storage_is_disk(const char *name);

/* Does what the call says; leaves nothing mounted on failure. May block: for a worker. */
int storage_mount_image(const struct call_mountimage *call, struct error *err) must_check;

#endif
