/*
 * The mounts that the shim is among are the container's, for clients take them for such. What needs
 * the host's files, finding the proxy and starting another, is done by a child that goes back
 * there, so that /proc/PID of the shim itself never leads to them.
 */
#ifndef ACRUN_SHIM_MOUNTS_H
#define ACRUN_SHIM_MOUNTS_H

#include <stdbool.h>
#include "base/error.h"

/* Zero-initialised. */
struct mounts {
	bool is_away; /* we are among the container's */
	int ns_fd;    /* the host's, */
	int root_fd;  /* and our root directory there */
};

/* Goes to the mount namespace mnt_ns_fd. */
int mounts_leave(struct mounts *mounts, int mnt_ns_fd, struct error *err) must_check;
/* Goes back: in a child, or at the very end. */
int mounts_return(const struct mounts *mounts, struct error *err) must_check;

/*
 * Connects to the proxy's socket at socket_path, of the host's; a proxy that is gone is replaced,
 * if its sandbox says how. Returns the descriptor (O_CLOEXEC); -ENOENT or -ECONNREFUSED when there
 * is no proxy and none could be started.
 */
int mounts_find_proxy(const struct mounts *mounts, const char *socket_path) must_check;

#endif
