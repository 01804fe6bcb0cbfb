/* What opening entries of the image cache and clearing it up share. */
#ifndef RUNTIME_STORAGE_IMAGE_CACHE_INTERNAL_H
#define RUNTIME_STORAGE_IMAGE_CACHE_INTERNAL_H

#include "runtime/storage/image_cache.h"

#define IMAGE_FILE  "image"
#define IMAGE_PART  "part"
#define IMAGE_USERS "users"

enum { IMAGE_USER_LEN = 64 };

/* Opens the cache's directory. -ENOENT without a word when it is not there and not to be made. */
int image_cache_open(const struct image_cache *cache, bool make, struct error *err) must_check;

/* Opens and locks an entry (made if need be). Returns its descriptor; -ETIMEDOUT: somebody else has
 * it. */
int image_entry_lock(int cache_fd, const char *name, bool make, int timeout_ms) must_check;

/* Does a live process use the entry? Forgets those that are gone; when in doubt, one does. */
bool image_entry_has_users(int entry_fd) must_check;

#endif
