/*
 * Images by the content that they were made of, kept for the next container that has the same.
 * <dir>/<key>.<format>/ has `image`, and in `users` an empty file for each process that uses it,
 * named by pid and start time: a create, then the virtual machine. An entry is worked on under a
 * lock of its directory, which dies with its holder; what is in it under another name than `image`
 * was never whole.
 */
#ifndef RUNTIME_STORAGE_IMAGE_CACHE_H
#define RUNTIME_STORAGE_IMAGE_CACHE_H

#include <stdbool.h>
#include <stdint.h>
#include "base/error.h"
#include "base/proc.h"

struct image_cache {
	const char *dir;    /* absolute; made when it is not there */
	uint64_t max_bytes; /* of all images, beyond which unused ones go, the oldest first */
};

/* One entry, opened. Zero-initialise by IMAGE_ENTRY_INIT; give it to image_entry_done(). */
struct image_entry {
	int fd;	      /* its directory; -1: not open */
	bool locked;  /* then nobody else works on it */
	bool present; /* `image` is there, and does not go while `users` names a live process */
	char *dir;    /* absolute */
	char *image;  /* path of the image */
	char *part;   /* where to make it, before image_entry_publish() */
};

#define IMAGE_ENTRY_INIT \
	{                \
		.fd = -1 \
	}

/*
 * Opens the entry of that name, waiting at most timeout_ms (0: not at all) for another process that
 * works on it: -ETIMEDOUT. When `present`, `user` uses it from now on and nothing is locked; else
 * it is locked and empty, for the caller to make.
 */
int image_entry_open(const struct image_cache *cache, const char *name, int timeout_ms,
		     const struct proc_id *user, struct image_entry *entry, struct error *err)
	must_check;

/* The finished `part` becomes `image`, on the disk for good, used by `user`; unlocks. Then the
 * cache is brought down to its size. */
int image_entry_publish(const struct image_cache *cache, struct image_entry *entry,
			const struct proc_id *user, struct error *err) must_check;

/* Adds another user to an entry that is present. */
int image_entry_use(const struct image_entry *entry, const struct proc_id *user, struct error *err)
	must_check;

/* Unlocks and closes; a part that was not published goes. */
void image_entry_done(struct image_entry *entry);

/*
 * Removes what was left half-made, users that are gone, and images that nobody uses until no more
 * than max_bytes are left: the longest unused first. `tell` (may be NULL) is called for each image
 * that goes; dry_run: no more than that. A missing cache is an empty one.
 */
int image_cache_trim(const struct image_cache *cache, uint64_t max_bytes, bool dry_run,
		     void (*tell)(void *arg, const char *name, const char *why), void *arg,
		     struct error *err) must_check;

#endif
