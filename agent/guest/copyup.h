/* The content of a directory, copied into a tmpfs that is to hide it ("tmpcopyup"). */
#ifndef AGENT_GUEST_COPYUP_H
#define AGENT_GUEST_COPYUP_H

#include "base/error.h"

/*
 * Copies what is in one directory into another: directories, files, links and nodes, with owner and
 * mode; not what is mounted there. -errno.
 */
int copyup_tree(int from_fd, int to_fd) must_check;

#endif
