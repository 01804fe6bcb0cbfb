/* Options about descriptors: what a machine can have of them, and what it cannot. */
#ifndef CMD_ACRUN_OUTSIDE_H
#define CMD_ACRUN_OUTSIDE_H

#include <stdint.h>
#include "base/error.h"

/* --preserve-fds: -EOPNOTSUPP with the reason unless n is 0. */
int outside_check_preserved(uint32_t n, struct error *err) must_check;

/* --pidfd-socket: sends a descriptor of the process `pid` to the socket at path, as runc does. */
int outside_send_pidfd(const char *path, int64_t pid, struct error *err) must_check;

#endif
