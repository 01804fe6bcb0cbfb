#include "cmd/acrun-shim/signals.h"

#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

void signals_fill(sigset_t *mask)
{
	/* musl's sigfillset() leaves out what its threads use, 32 to 34; we have no threads. */
	memset(mask, 0xff, sizeof(*mask));
	(void)sigdelset(mask, SIGKILL);
	(void)sigdelset(mask, SIGSTOP);
	(void)sigdelset(mask, SIGCHLD);
}

bool signals_is_for_process(int signo, int32_t sender_pid)
{
	/* The kernel sends SIGPIPE in the name of the process that wrote. */
	if (signo == SIGPIPE && sender_pid == getpid())
		return false;
	return signo != SIGCHLD && signo >= 1 && signo <= 64;
}

bool signals_get_size(unsigned *rows, unsigned *columns)
{
	struct winsize size;

	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		if (ioctl(fd, TIOCGWINSZ, &size) < 0)
			continue;
		*rows = size.ws_row;
		*columns = size.ws_col;
		return size.ws_row > 0 && size.ws_col > 0;
	}
	return false;
}
