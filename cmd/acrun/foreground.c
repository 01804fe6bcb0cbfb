#include "cmd/acrun/foreground.h"

#include <errno.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/cleanup.h"
#include "base/spawn.h"

/* Those that mean us, not the container: job control and what only a bug of ours raises. */
static const int not_forwarded[] = { SIGSEGV, SIGBUS,  SIGFPE,	SIGILL,	 SIGABRT, SIGTRAP,
				     SIGSYS,  SIGPIPE, SIGTTIN, SIGTTOU, SIGTSTP, SIGCONT };

int foreground_interrupt_fd(struct error *err)
{
	sigset_t mask;
	int fd;

	sigemptyset(&mask);
	sigaddset(&mask, SIGINT);
	sigaddset(&mask, SIGTERM);
	sigaddset(&mask, SIGHUP);
	sigaddset(&mask, SIGQUIT);
	if (sigprocmask(SIG_BLOCK, &mask, NULL) < 0)
		return err_set(err, -errno, "block signals");
	fd = signalfd(-1, &mask, SFD_CLOEXEC);
	return fd < 0 ? err_set(err, -errno, "make a signalfd") : fd;
}

int foreground_begin(struct foreground *fg, struct error *err)
{
	sigset_t mask;

	*fg = (struct foreground){ .signal_fd = -1, .interrupt_fd = -1 };
	fg->is_tty = tcgetattr(STDIN_FILENO, &fg->tty) == 0;
	sigfillset(&mask);
	for (size_t i = 0; i < sizeof(not_forwarded) / sizeof(not_forwarded[0]); i++)
		sigdelset(&mask, not_forwarded[i]);
	if (sigprocmask(SIG_BLOCK, &mask, NULL) < 0)
		return err_set(err, -errno, "block signals");
	fg->signal_fd = signalfd(-1, &mask, SFD_CLOEXEC);
	if (fg->signal_fd < 0)
		return err_set(err, -errno, "make a signalfd");
	fg->interrupt_fd = foreground_interrupt_fd(err);
	return fg->interrupt_fd < 0 ? fg->interrupt_fd : 0;
}

/* Only ours to change while we are in its foreground. */
static void restore_tty(const struct foreground *fg)
{
	struct termios now;

	if (fg->is_tty && tcgetattr(STDIN_FILENO, &now) == 0 && now.c_lflag != fg->tty.c_lflag &&
	    tcgetpgrp(STDIN_FILENO) == getpgrp())
		(void)tcsetattr(STDIN_FILENO, TCSANOW, &fg->tty);
}

void foreground_end(struct foreground *fg)
{
	restore_tty(fg);
	cleanup_close(&fg->signal_fd);
	cleanup_close(&fg->interrupt_fd);
}

/* The shim has the terminal and sees its size itself; SIGCHLD is ours. */
static bool is_forwarded(const struct signalfd_siginfo *info)
{
	return info->ssi_signo != SIGCHLD && info->ssi_signo != SIGWINCH;
}

int foreground_wait(struct foreground *fg, pid_t pid, struct error *err)
{
	for (;;) {
		struct signalfd_siginfo info;
		int status;
		pid_t got = waitpid(pid, &status, WNOHANG);

		if (got < 0)
			return err_set(err, -errno, "wait for the container");
		if (got == pid)
			return spawn_exit_code(status);
		if (read(fg->signal_fd, &info, sizeof(info)) != sizeof(info)) {
			if (errno == EINTR)
				continue;
			return err_set(err, -errno, "read a signal");
		}
		if (is_forwarded(&info))
			(void)kill(pid, (int)info.ssi_signo);
	}
}
