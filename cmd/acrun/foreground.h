/* Waiting for a container in the foreground: signals that reach us go on to it, its exit code is
 * ours. */
#ifndef CMD_ACRUN_FOREGROUND_H
#define CMD_ACRUN_FOREGROUND_H

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>
#include <termios.h>
#include "base/error.h"

struct foreground {
	int signal_fd;	  /* all that foreground_wait() handles */
	int interrupt_fd; /* readable once the user wants us to stop; never read */
	bool is_tty;
	struct termios tty; /* as stdin was found */
};

/* Blocks the signals that ask a program to stop and returns a descriptor that becomes readable when
 * one came: for commands that undo what they have begun. */
int foreground_interrupt_fd(struct error *err) must_check;

/* Starts collecting signals, so that none is lost while the container is being made. */
int foreground_begin(struct foreground *fg, struct error *err) must_check;
/* Closes what foreground_begin() has opened. A terminal that a killed shim has left raw is put as
 * it was. */
void foreground_end(struct foreground *fg);
/* Forwards signals to pid, a child, until it ends. Returns its exit code (128 + signal when
 * killed). */
int foreground_wait(struct foreground *fg, pid_t pid, struct error *err) must_check;

#endif
