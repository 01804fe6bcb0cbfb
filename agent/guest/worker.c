#include "agent/guest/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/guest/fail.h"
#include "base/cleanup.h"

struct worker {
	struct worker *next;
	pid_t pid;
	int report_fd; /* the child's struct error comes through here */
	worker_done *done;
	void *arg;
};

void worker_reset_signals(void)
{
	struct sigaction dfl = { .sa_handler = SIG_DFL };
	sigset_t none;

	for (int signo = 1; signo < NSIG; signo++)
		(void)sigaction(signo, &dfl, NULL);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

static _Noreturn void run_child(worker_job *job, void *arg, int report_fd)
{
	struct error err = { 0 };

	worker_reset_signals();
	if (job(arg, &err) < 0)
		(void)!write(report_fd, &err, sizeof(err.code) + strlen(err.text) + 1);
	_exit(0);
}

int worker_start(struct guest *guest, worker_job *job, worker_done *done, void *arg,
		 struct error *err)
{
	struct worker *worker = calloc(1, sizeof(*worker));
	int fds[2];

	if (!worker)
		return fail_set(err, -ENOMEM, "start a worker");
	if (pipe2(fds, O_CLOEXEC) < 0) {
		free(worker);
		return fail_set(err, -errno, "start a worker");
	}
	worker->pid = fork();
	if (worker->pid == 0)
		run_child(job, arg, fds[1]);
	(void)close(fds[1]);
	if (worker->pid < 0) {
		int ret = -errno;

		(void)close(fds[0]);
		free(worker);
		return fail_set(err, ret, "start a worker");
	}
	worker->report_fd = fds[0];
	worker->done = done;
	worker->arg = arg;
	worker->next = guest->workers;
	guest->workers = worker;
	return 0;
}

/* The child is dead: what it had to say is in the pipe. */
static void read_report(struct worker *worker, int status, struct error *err)
{
	ssize_t n;

	(void)fcntl(worker->report_fd, F_SETFL, O_NONBLOCK);
	n = read(worker->report_fd, err, sizeof(*err));
	err->text[sizeof(err->text) - 1] = '\0';
	if (n > (ssize_t)sizeof(err->code))
		return;
	err_clear(err);
	if (status != 0)
		(void)fail_set(err, -EIO, "worker ended with status 0x%x", (unsigned)status);
}

bool worker_reaped(struct guest *guest, pid_t pid, int status)
{
	struct worker **link = &guest->workers;
	struct error err = { 0 };
	struct worker *worker;

	while (*link && (*link)->pid != pid)
		link = &(*link)->next;
	worker = *link;
	if (!worker)
		return false;
	*link = worker->next;
	read_report(worker, status, &err);
	(void)close(worker->report_fd);
	if (worker->done)
		worker->done(guest, worker->arg, &err);
	free(worker);
	return true;
}
