#include "base/fs.h"

#include <errno.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/time.h>
#include "base/clock.h"

/* Its coming is all that matters: it interrupts flock(). */
static void on_alarm(int signo)
{
	(void)signo;
}

static int lock_until(int fd, int64_t end_ms)
{
	while (flock(fd, LOCK_EX) < 0) {
		if (errno != EINTR)
			return -errno;
		if (clock_now_ms() >= end_ms)
			return -ETIMEDOUT;
	}
	return 0;
}

int fs_lock_wait(int fd, int timeout_ms)
{
	/* Repeated, for an alarm that comes before flock() blocks would be lost. */
	const struct itimerval timer = {
		.it_value = { .tv_sec = timeout_ms / 1000,
			      .tv_usec = timeout_ms % 1000 * 1000 + 1 },
		.it_interval = { .tv_usec = 100000 },
	};
	const struct itimerval off = { 0 };
	struct sigaction action = { .sa_handler = on_alarm };
	struct sigaction old_action;
	sigset_t alarm_set, old_set;
	int ret;

	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	if (errno != EWOULDBLOCK)
		return -errno;
	(void)sigemptyset(&alarm_set);
	(void)sigaddset(&alarm_set, SIGALRM);
	(void)sigaction(SIGALRM, &action, &old_action);
	(void)sigprocmask(SIG_UNBLOCK, &alarm_set, &old_set);
	(void)setitimer(ITIMER_REAL, &timer, NULL);
	ret = lock_until(fd, clock_now_ms() + timeout_ms);
	(void)setitimer(ITIMER_REAL, &off, NULL);
	(void)sigprocmask(SIG_SETMASK, &old_set, NULL);
	(void)sigaction(SIGALRM, &old_action, NULL);
	return ret;
}
