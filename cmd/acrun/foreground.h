/* Waiting for a container in the foreground: signals that reach us go on to it, its exit code is
 * ours. */
#ifndef CMD_ACRUN_FOREGROUND_H
#define CMD_ACRUN_FOREGROUND_H

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>
#include "base/error.h"

struct foreground {
	int signal_fd;
};

/* Starts collecting signals, so that none is lost while the container is being made. */
int foreground_begin(struct foreground *fg, struct error *err) must_check;
/* Forwards signals to pid, a child, until it ends. Returns its exit code (128 + signal when
 * killed). */
int foreground_wait(struct foreground *fg, pid_t pid, struct error *err) must_check;

#endif
