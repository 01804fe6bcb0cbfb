#include "agent/guest/reaper.h"

#include <signal.h>
#include <sys/wait.h>

#include "agent/guest/process.h"
#include "agent/guest/worker.h"

static void on_signal(void *arg, int signo, int32_t sender_pid)
{
	struct guest *guest = arg;
	int status;
	pid_t pid;

	(void)signo;
	(void)sender_pid;
	/* one signal may stand for many children */
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		if (!worker_reaped(guest, pid, status))
			process_reaped(guest, pid, status);
}

int reaper_start(struct guest *guest)
{
	sigset_t mask;

	(void)sigemptyset(&mask);
	(void)sigaddset(&mask, SIGCHLD);
	return loop_add_signals(guest->loop, &mask, on_signal, guest);
}
