/*
 * What of the host a container needs in a guest that no directory can be shared with: its root file
 * system and its bind mounts. Small mounts are copied through the agent; everything else is an
 * image of its own, which comes from the cache or is packed while the machine boots.
 */
#ifndef RUNTIME_STORAGE_VOLUMES_H
#define RUNTIME_STORAGE_VOLUMES_H

#include <time.h>
#include "base/arena.h"
#include "base/strvec.h"
#include "runtime/storage/image.h"
#include "runtime/storage/image_cache.h"
#include "runtime/storage/loan.h"
#include "runtime/storage/share.h"

/* Where things are and what they may be. Nothing is owned. */
struct volumes_setup {
	struct image_cache cache; /* dir "": there is none */
	const char *format;	  /* as in image_find_formats() */
	const char *stage;	  /* an empty directory, absolute */
	const char *dir;	  /* for images that are not cached, absolute */
	struct proc_id self;	  /* this process */
	uint64_t copy_max;	  /* bytes of a writable bind mount */
};

enum volume_way {
	VOLUME_IMAGE,
	VOLUME_COPY,
	VOLUME_DISK, /* a block device, or a file with a file system, as it is */
};

struct volume {
	const struct share_mount *mount;
	enum volume_way way;
	struct image_source source;
	bool writable;
	const char *fstype;  /* of VOLUME_DISK; NULL: the device itself is wanted */
	const char *options; /* of its file system; NULL: none */
	struct tree tree;
	enum image_format format;
	char *name; /* of the cache's entry */
	struct image_entry entry;
	struct image_job job;
	char *private;	   /* path of an image that is not cached */
	const char *image; /* path of the image, when it is there */
};

struct volumes {
	struct volumes_setup setup;
	bool usable[IMAGE_FORMATS]; /* wanted, packed by this host, and as far as is known, read by
				       the guest */
	const struct loan *loan;    /* the root file system's device, for list[0] is a VOLUME_DISK;
				       NULL: it is not one */
	struct timespec since;	    /* when volumes_begin() began to read */
	struct volume *list;	    /* the first is the root file system */
	size_t n;
};

/*
 * Fills the list from the share's mounts, and from those mounts of spec that are a file system on a
 * block device or, with the option "loop", in a file: these become bind mounts of `id`'s part of
 * the share. So do bind mounts of block devices. A root file system that is all of a device can be
 * lent to the guest. A device that is in use on the host is an error that names the mount. Memory
 * is the arena's.
 */
int volumes_plan(struct volumes *volumes, const struct share *share, struct oci_spec *spec,
		 const char *id, struct arena *arena, struct error *err) must_check;

/* Looks at what there is, decides which way it goes, and starts packing what is not in the cache;
 * returns at once. What another process is packing is left to volume_finish(). What cannot be
 * brought is an error that names the mount. */
int volumes_begin(struct volumes *volumes, const struct volumes_setup *setup, struct error *err)
	must_check;

/*
 * The guest has these file systems and no others (names): what was begun with another begins anew.
 * -EOPNOTSUPP: there is none that this host can make and the guest can read.
 */
int volumes_refit(struct volumes *volumes, const struct json_strs *filesystems, struct error *err)
	must_check;

/* Has the root file system go as an image after all. */
int volumes_pack_root(struct volumes *volumes, struct error *err) must_check;

/* Makes sure that the image of a VOLUME_IMAGE is there, by clock_now_ms() == deadline_ms. */
int volume_finish(struct volumes *volumes, struct volume *volume, int64_t deadline_ms,
		  struct error *err) must_check;

/* Ends packers, frees. Images that are in use stay. */
void volumes_done(struct volumes *volumes);

#endif
