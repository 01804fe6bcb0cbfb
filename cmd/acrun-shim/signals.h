/* Which signals the shim passes on, and what else arrives as a signal: the size of the terminal. */
#ifndef ACRUN_SHIM_SIGNALS_H
#define ACRUN_SHIM_SIGNALS_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * All signals that can be caught, but SIGCHLD: we have no business with children, and neither has
 * the process with ours. Blocking them also means that none of them can end us before the terminal
 * is restored.
 */
void signals_fill(sigset_t *mask);
/* False for what our own writing brings about (SIGPIPE), and for what is not in the mask. */
bool signals_is_for_process(int signo, int32_t sender_pid);
/* Size of the terminal behind one of descriptors 0 to 2; false when there is none, or it has no
 * size. */
bool signals_get_size(unsigned *rows, unsigned *columns);

#endif
