/*
 * A container's root file system and bind mounts for a guest that no directory can be shared with:
 * packed into one read-only image that it gets as a disk. The guest lays a writable layer over it,
 * so what a container writes stays in the guest.
 */
#ifndef RUNTIME_STORAGE_IMAGE_H
#define RUNTIME_STORAGE_IMAGE_H

#include "base/strvec.h"
#include "runtime/storage/share.h"

#define IMAGE_FSTYPE "erofs"

/*
 * What of the share an image cannot be: a writable directory is an error that names the mount. A
 * writable file becomes a copy; a sentence about each is added to `copies`.
 */
int image_check(const struct share *share, struct strvec *copies, struct error *err) must_check;

/* The program that packs images, a constant; NULL with -ENOENT and what to install. */
const char *image_find_packer(struct error *err) must_check;

/*
 * Packs what is mounted below <share->dir>/<id> into the new file `path`, in a mount namespace of
 * the packer's own: nothing stays mounted, however it ends. The targets must have been made.
 * -ETIMEDOUT after timeout_ms. On failure there may be a part of the file.
 */
int image_pack(const struct share *share, const char *id, const char *path, int timeout_ms,
	       struct error *err) must_check;

#endif
