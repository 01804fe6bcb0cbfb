/* The terminal of a process, opened in its container's devpts. */
#ifndef AGENT_GUEST_TERMINAL_H
#define AGENT_GUEST_TERMINAL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include "base/error.h"

/*
 * Called by a session leader with the container's root as "/": opens a pty, makes its slave
 * descriptors 0 to 2 and the controlling terminal, owned by uid; with `console` it is also mounted
 * on /dev/console. Returns the master.
 */
int terminal_open(uid_t uid, bool console, struct error *err) must_check;
/* No carriage return before a line feed of its output. */
void terminal_end_lines_plainly(int master_fd);
/* -errno. */
int terminal_resize(int master_fd, uint32_t rows, uint32_t columns) must_check;

#endif
