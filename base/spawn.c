#include "base/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/sock.h"
#include "base/sys_internal.h"

/*
 * What the child says over the status pipe, which exec closes: this byte right before exec, and a
 * whole struct error if anything fails, be it before or after the byte. Nothing at all means that
 * it was killed on the way.
 */
enum { ABOUT_TO_EXEC = 1, EXIT_BEFORE_EXEC = 127, STDIO_FDS = 3 };

/* What the child works with between fork and exec. */
struct child {
	const struct spawn *sp;
	struct error *err;
	int status_fd;
	int null_fd; /* -1 when all of 0, 1, 2 are mapped */
	int free_fd; /* from this number on nothing is wanted in the new program */
};

static void reset_signals(void)
{
	struct sigaction dfl = { .sa_handler = SIG_DFL };
	sigset_t none;

	/* The C library refuses SIGKILL, SIGSTOP and its own ones; those need no reset. */
	for (int sig = 1; sig < _NSIG; sig++)
		(void)sigaction(sig, &dfl, NULL);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

static bool is_mapped(const struct spawn *sp, int to)
{
	for (size_t i = 0; i < sp->n_fds; i++)
		if (sp->fds[i].to == to)
			return true;
	return false;
}

/* Moves *fd to a number that no mapping touches. */
static int move_up(const struct child *ch, int *fd)
{
	int moved = fcntl(*fd, F_DUPFD_CLOEXEC, ch->free_fd);

	if (moved < 0)
		return -errno;
	(void)close(*fd);
	*fd = moved;
	return 0;
}

/* Puts the descriptors that must outlast the mapping out of its way. Done first: /dev/null is that
 * of the parent's view. */
static int reserve_fds(struct child *ch)
{
	int ret;

	ch->free_fd = STDIO_FDS;
	for (size_t i = 0; i < ch->sp->n_fds; i++)
		if (ch->sp->fds[i].to >= ch->free_fd)
			ch->free_fd = ch->sp->fds[i].to + 1;
	/* copied, not moved: should this fail, the failure is told over the old number */
	ret = fcntl(ch->status_fd, F_DUPFD_CLOEXEC, ch->free_fd);
	if (ret < 0)
		return err_set(ch->err, -errno, "keep the status pipe above descriptor %d",
			       ch->free_fd - 1);
	ch->status_fd = ret;
	if (is_mapped(ch->sp, 0) && is_mapped(ch->sp, 1) && is_mapped(ch->sp, 2))
		return 0;
	ch->null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (ch->null_fd < 0)
		return err_set(ch->err, -errno, "open '/dev/null'");
	ret = move_up(ch, &ch->null_fd);
	return ret < 0 ? err_set(ch->err, ret, "move '/dev/null' up") : 0;
}

static int enter_namespaces(const struct child *ch)
{
	const struct spawn *sp = ch->sp;

	for (size_t i = 0; i < sp->n_join_ns; i++)
		if (setns(sp->join_ns[i], 0) < 0)
			return err_set(ch->err, -errno, "join namespace %zu of %zu", i + 1,
				       sp->n_join_ns);
	if (sp->unshare_flags && unshare(sp->unshare_flags) < 0)
		return err_set(ch->err, -errno, "make new namespaces (flags 0x%x)",
			       (unsigned)sp->unshare_flags);
	return 0;
}

/* Closes everything above 2 except the mapped descriptors and the status pipe. */
static int close_others(const struct child *ch)
{
	const struct spawn *sp = ch->sp;
	unsigned first = STDIO_FDS;

	for (;;) {
		/* the status pipe stands above all others: it ends the last gap */
		unsigned keep = (unsigned)ch->status_fd;

		for (size_t i = 0; i < sp->n_fds; i++) {
			unsigned to = (unsigned)sp->fds[i].to;

			if (to >= first && to < keep)
				keep = to;
		}
		if (keep > first && sys_close_range(first, keep - 1) < 0)
			return err_set(ch->err, -errno, "close descriptors %u to %u", first,
				       keep - 1);
		first = keep + 1;
		if (keep == (unsigned)ch->status_fd)
			break;
	}
	if (sys_close_range(first, ~0U) < 0)
		return err_set(ch->err, -errno, "close descriptors from %u on", first);
	return 0;
}

/* In two passes, by numbers that no mapping touches, so that any exchange of numbers works. */
static int map_fds(const struct child *ch)
{
	const struct spawn *sp = ch->sp;
	int copies[SPAWN_FDS_MAX];

	for (size_t i = 0; i < sp->n_fds; i++) {
		copies[i] = fcntl(sp->fds[i].from, F_DUPFD_CLOEXEC, ch->free_fd);
		if (copies[i] < 0)
			return err_set(ch->err, -errno, "pass on descriptor %d as %d",
				       sp->fds[i].from, sp->fds[i].to);
	}
	for (int fd = 0; fd < STDIO_FDS; fd++)
		if (!is_mapped(sp, fd) && dup2(ch->null_fd, fd) < 0)
			return err_set(ch->err, -errno, "put '/dev/null' on descriptor %d", fd);
	for (size_t i = 0; i < sp->n_fds; i++)
		if (dup2(copies[i], sp->fds[i].to) < 0)
			return err_set(ch->err, -errno, "pass on descriptor %d as %d",
				       sp->fds[i].from, sp->fds[i].to);
	return close_others(ch);
}

static int run_prepare(const struct child *ch)
{
	int ret = ch->sp->prepare ? ch->sp->prepare(ch->sp->prepare_arg, ch->err) : 0;

	if (ret != 0 && ch->err->code == 0)
		return err_set(ch->err, ret < 0 ? ret : -EIO, "prepare to exec '%s'", ch->sp->path);
	return ret;
}

/* Everything up to exec; returns only on failure. */
static void child_steps(struct child *ch)
{
	const struct spawn *sp = ch->sp;
	const char about_to_exec = ABOUT_TO_EXEC;

	reset_signals();
	(void)prctl(PR_SET_PDEATHSIG, 0);
	if (reserve_fds(ch) < 0)
		return;
	if (sp->setsid && setsid() < 0) {
		err_set(ch->err, -errno, "start a session");
		return;
	}
	if (enter_namespaces(ch) < 0 || run_prepare(ch) != 0 || map_fds(ch) < 0)
		return;
	if (sp->set_ctty && ioctl(sp->ctty_fd, TIOCSCTTY, 0) < 0) {
		err_set(ch->err, -errno, "make descriptor %d the controlling terminal",
			sp->ctty_fd);
		return;
	}
	if (sp->cwd && chdir(sp->cwd) < 0) {
		err_set(ch->err, -errno, "change to directory '%s'", sp->cwd);
		return;
	}
	if (fs_write_all(ch->status_fd, &about_to_exec, 1) < 0)
		return;
	/* execve() takes but does not change what the pointers point to */
	(void)execve(sp->path, (char *const *)sp->argv,
		     sp->envp ? (char *const *)sp->envp : environ);
	err_set(ch->err, -errno, "exec '%s'", sp->path);
}

static _Noreturn void child_main(const struct spawn *sp, int status_fd)
{
	struct error err = { 0 };
	struct child ch = { .sp = sp, .err = &err, .status_fd = status_fd, .null_fd = -1 };

	child_steps(&ch);
	(void)!fs_write_all(ch.status_fd, &err, sizeof(err));
	_exit(EXIT_BEFORE_EXEC);
}

/* Reads what the child has to say. 0: exec has happened. */
static int read_status(int fd, const struct spawn *sp, struct error *err)
{
	char buf[1 + sizeof(struct error)];
	struct error theirs;
	size_t len = 0;

	while (len < sizeof(buf)) {
		ssize_t n = read(fd, buf + len, sizeof(buf) - len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set(err, -errno, "read the status of '%s'", sp->path);
		if (n == 0)
			break;
		len += (size_t)n;
	}
	if (len == 1)
		return 0;
	if (len < sizeof(theirs))
		return err_set(err, -ECHILD, "'%s' was killed before it was executed", sp->path);
	memcpy(&theirs, buf + len - sizeof(theirs), sizeof(theirs));
	theirs.text[sizeof(theirs.text) - 1] = '\0';
	return err_msg(err, theirs.code, "%s", theirs.text);
}

static int check(const struct spawn *sp, struct error *err)
{
	if (sp->n_fds > SPAWN_FDS_MAX || sp->n_join_ns > SPAWN_NS_MAX)
		return err_set(err, -E2BIG, "spawn '%s' with %zu descriptors and %zu namespaces",
			       sp->path, sp->n_fds, sp->n_join_ns);
	for (size_t i = 0; i < sp->n_fds; i++)
		if (sp->fds[i].from < 0 || sp->fds[i].to < 0)
			return err_set(err, -EBADF, "spawn '%s' with descriptor %d as %d", sp->path,
				       sp->fds[i].from, sp->fds[i].to);
	return 0;
}

static void reap(pid_t pid)
{
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

/* Forks with all signals blocked: no handler of ours may run in the child. */
static pid_t fork_quietly(sigset_t *old)
{
	sigset_t all;

	(void)sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, old);
	return fork();
}

int spawn_start(const struct spawn *sp, pid_t *pid, struct error *err)
{
	auto_close int status_r = -1;
	auto_close int status_w = -1;
	int ends[2];
	sigset_t old;
	pid_t child;
	int ret = check(sp, err);

	if (ret < 0)
		return ret;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_set(err, -errno, "make the status pipe of '%s'", sp->path);
	status_r = ends[0];
	status_w = ends[1];
	child = fork_quietly(&old);
	if (child == 0)
		child_main(sp, status_w);
	ret = -errno;
	(void)sigprocmask(SIG_SETMASK, &old, NULL);
	if (child < 0)
		return err_set(err, ret, "fork for '%s'", sp->path);
	cleanup_close(&status_w);
	ret = read_status(status_r, sp, err);
	if (ret < 0) {
		reap(child);
		return ret;
	}
	*pid = child;
	return 0;
}

/* What a called function leaves behind. */
struct call_result {
	int ret;
	struct error err;
};

static _Noreturn void call_main(int (*fn)(void *arg, struct error *err), void *arg, int result_fd)
{
	struct call_result result = { 0 };

	reset_signals();
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	result.ret = fn(arg, &result.err);
	(void)!fs_write_all(result_fd, &result, sizeof(result));
	_exit(0);
}

static int read_result(int fd, struct call_result *result)
{
	size_t len = 0;

	while (len < sizeof(*result)) {
		ssize_t n = read(fd, (char *)result + len, sizeof(*result) - len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -ECHILD;
		len += (size_t)n;
	}
	return 0;
}

int spawn_call(int (*fn)(void *arg, struct error *err), void *arg, struct error *err)
{
	auto_close int result_r = -1;
	auto_close int result_w = -1;
	struct call_result result = { 0 };
	int ends[2];
	sigset_t old;
	pid_t child;
	int ret;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_set(err, -errno, "make the pipe of a helper process");
	result_r = ends[0];
	result_w = ends[1];
	child = fork_quietly(&old);
	if (child == 0)
		call_main(fn, arg, result_w);
	ret = -errno;
	(void)sigprocmask(SIG_SETMASK, &old, NULL);
	if (child < 0)
		return err_set(err, ret, "fork a helper process");
	cleanup_close(&result_w);
	ret = read_result(result_r, &result);
	reap(child);
	if (ret < 0)
		return err_set(err, ret, "a helper process was killed");
	if (err && result.err.code)
		*err = result.err;
	return result.ret;
}

int spawn_wait(pid_t pid, int timeout_ms, int *status)
{
	pid_t got;

	if (timeout_ms >= 0) {
		auto_close int pidfd = sys_pidfd_open(pid);
		int ret;

		if (pidfd < 0)
			return errno == ESRCH ? -ECHILD : -errno;
		ret = sock_wait_readable(pidfd, timeout_ms);
		if (ret <= 0)
			return ret < 0 ? ret : -ETIMEDOUT;
	}
	do {
		got = waitpid(pid, status, 0);
	} while (got < 0 && errno == EINTR);
	return got < 0 ? -errno : 0;
}

int spawn_exit_code(int status)
{
	if (WIFSIGNALED(status))
		return 128 + WTERMSIG(status);
	return WEXITSTATUS(status);
}
