/* Mounts that hang nowhere yet: made by who may, put in place by who may not. A container with a
 * user namespace of its own gets from the agent what its root could not mount itself. */
#ifndef AGENT_GUEST_DETACHED_H
#define AGENT_GUEST_DETACHED_H

#include <stdbool.h>
#include <stddef.h>
#include "base/error.h"

/* A copy of what stands at the descriptor (O_PATH will do), with all below it when `recursive`.
 * Returns a descriptor; when that is closed and it was not attached, it is gone. -errno. */
int detached_clone(int fd, bool recursive) must_check;
/* A new instance of a file system that takes no options; `flags` are those of mount(2). -errno. */
int detached_make(const char *type, const char *source, unsigned long flags) must_check;
/* Lets device nodes work on it, whatever held where it was copied from. -errno. */
int detached_allow_devices(int tree_fd) must_check;
/* Mounts it over what target_fd stands for. -errno. */
int detached_attach(int tree_fd, int target_fd) must_check;

/* `n` descriptors, all -1; NULL without memory. */
int *detached_list_new(size_t n);
/* Closes and frees them; NULL is fine. */
void detached_list_free(int *list, size_t n);

#endif
