/* What a signal would do to a process. */
#ifndef AGENT_GUEST_SIGNALS_H
#define AGENT_GUEST_SIGNALS_H

#include <stdbool.h>
#include <sys/types.h>

/* True when the default action of signo is to end a process. */
bool signals_default_kills(int signo);
/* Finds "SigXxx:" in the text of /proc/PID/status and tells whether signo is in that set. */
bool signals_in_set(const char *status_text, const char *set, int signo);
/* True when signo has its default action in that process, which is to end it: an init of a pid
 * namespace is shielded from just that. */
bool signals_would_kill(pid_t pid, int signo);

#endif
