/* Paths of a container's file system seen from outside: resolved inside its root, whatever links it
 * holds. */
#ifndef AGENT_GUEST_INROOT_H
#define AGENT_GUEST_INROOT_H

#include <stdbool.h>
#include <sys/types.h>
#include "base/error.h"

enum { INROOT_PROC_LEN = 40 };

/* O_PATH descriptor of path inside root_fd. -errno. */
int inroot_open(int root_fd, const char *path) must_check;
/* The same, making missing directories (0755). The last component becomes a directory, or an empty
 * file. -errno. */
int inroot_make(int root_fd, const char *path, bool directory) must_check;
/* Opens (making it if needed) the directory that holds path's last component; *name points to that
 * inside path. -errno. */
int inroot_make_parent(int root_fd, const char *path, const char **name) must_check;
/* "/proc/self/fd/N": how mount(2) is told exactly what was resolved. */
void inroot_proc_path(int fd, char out[static INROOT_PROC_LEN]);

#endif
