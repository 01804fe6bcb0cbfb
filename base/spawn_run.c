/* spawn_run(): a short-lived program with its input fed and its output collected, by one poll loop.
 */
#include "base/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/sock.h"
#include "base/strbuf.h"
#include "base/sys_internal.h"

enum { CHUNK = 16384 };

/* Our side of a running program. */
struct talk {
	const char *input;
	size_t input_len;
	struct strbuf *output;
	size_t out_left;
	int in_fd;  /* writing end of its stdin, or -1 */
	int out_fd; /* reading end of its stdout and stderr, or -1 */
	int pidfd;
	int64_t end_ms; /* -1: none */
};

static void talk_done(struct talk *talk)
{
	cleanup_close(&talk->in_fd);
	cleanup_close(&talk->out_fd);
	cleanup_close(&talk->pidfd);
}

/* Writes what the pipe takes. A program that does not read its input to the end is no error. */
static int feed(struct talk *talk)
{
	ssize_t n = write(talk->in_fd, talk->input, talk->input_len);

	if (n < 0 && errno != EPIPE)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	if (n < 0)
		n = (ssize_t)talk->input_len;
	talk->input += n;
	talk->input_len -= (size_t)n;
	if (talk->input_len == 0)
		cleanup_close(&talk->in_fd);
	return 0;
}

/* Reads what is there. What goes beyond the limit is read as well, so that the program can go on,
 * and forgotten. */
static int collect(struct talk *talk)
{
	char chunk[CHUNK];

	for (;;) {
		ssize_t n = read(talk->out_fd, chunk, sizeof(chunk));
		size_t len;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? 0 : -errno;
		if (n == 0) {
			cleanup_close(&talk->out_fd);
			return 0;
		}
		len = (size_t)n < talk->out_left ? (size_t)n : talk->out_left;
		talk->out_left -= len;
		(void)strbuf_add(talk->output, chunk, len);
		if ((size_t)n < sizeof(chunk))
			return 0;
	}
}

static int left_ms(const struct talk *talk)
{
	int64_t left;

	if (talk->end_ms < 0)
		return -1;
	left = talk->end_ms - clock_now_ms();
	return left > 0 ? (int)left : 0;
}

/* Until the program has ended; whoever it left behind with its stdout open is not waited for. */
static int converse(struct talk *talk)
{
	for (;;) {
		struct pollfd fds[] = {
			{ .fd = talk->pidfd, .events = POLLIN },
			{ .fd = talk->out_fd, .events = POLLIN },
			{ .fd = talk->in_fd, .events = POLLOUT },
		};
		int ret = poll(fds, 3, left_ms(talk));

		if (ret < 0 && errno != EINTR)
			return -errno;
		if (ret < 0)
			continue;
		if (ret == 0)
			return -ETIMEDOUT;
		if (fds[2].revents) {
			ret = feed(talk);
			if (ret < 0)
				return ret;
		}
		if (fds[1].revents) {
			ret = collect(talk);
			if (ret < 0)
				return ret;
		}
		/* The last words may have come between poll() and now. */
		if (fds[0].revents)
			return talk->out_fd < 0 ? 0 : collect(talk);
	}
}

/* Adds a row to sp->fds for the child's end, which stays ours to close. */
static int add_fd(struct spawn *sp, int from, int to, struct error *err)
{
	if (sp->n_fds == SPAWN_FDS_MAX)
		return err_set(err, -E2BIG, "run '%s' with its output collected", sp->path);
	sp->fds[sp->n_fds++] = (struct spawn_fd){ .from = from, .to = to };
	return 0;
}

static int make_pipe(int *ours, int *theirs, int our_end, struct error *err)
{
	int ends[2];
	int ret;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_set(err, -errno, "make a pipe");
	*ours = ends[our_end];
	*theirs = ends[!our_end];
	ret = sock_set_nonblock(*ours, true);
	return ret < 0 ? err_set(err, ret, "make a pipe non-blocking") : 0;
}

static int start(struct talk *talk, const struct spawn *sp, pid_t *pid, struct error *err)
{
	struct spawn copy = *sp;
	auto_close int in_fd = -1;
	auto_close int out_fd = -1;
	int ret = 0;

	if (talk->input) {
		ret = make_pipe(&talk->in_fd, &in_fd, 1, err);
		if (ret == 0)
			ret = add_fd(&copy, in_fd, 0, err);
	}
	if (ret == 0 && talk->output) {
		ret = make_pipe(&talk->out_fd, &out_fd, 0, err);
		if (ret == 0)
			ret = add_fd(&copy, out_fd, 1, err);
		if (ret == 0)
			ret = add_fd(&copy, out_fd, 2, err);
	}
	if (ret == 0)
		ret = spawn_start(&copy, pid, err);
	if (ret == 0 && talk->input_len == 0)
		cleanup_close(&talk->in_fd);
	return ret;
}

/* Talks to the started program and reaps it in any case. */
static int finish(struct talk *talk, const struct spawn *sp, pid_t pid, int *status,
		  struct error *err)
{
	int ret;
	int waited;

	talk->pidfd = sys_pidfd_open(pid);
	ret = talk->pidfd < 0 ? -errno : converse(talk);
	if (ret < 0)
		(void)kill(sp->setsid ? -pid : pid, SIGKILL);
	waited = spawn_wait(pid, -1, status);
	if (ret == -ETIMEDOUT)
		return err_msg(err, ret, "'%s' did not end in time and was killed", sp->path);
	if (ret == 0)
		ret = waited;
	if (ret == 0 && talk->output)
		ret = strbuf_error(talk->output);
	return ret < 0 ? err_set(err, ret, "run '%s'", sp->path) : 0;
}

int spawn_run(const struct spawn *sp, const void *input, size_t input_len, struct strbuf *output,
	      size_t out_max, int timeout_ms, int *code, struct error *err)
{
	struct talk talk = {
		.input = input,
		.input_len = input_len,
		.output = output,
		.out_left = out_max,
		.in_fd = -1,
		.out_fd = -1,
		.pidfd = -1,
		.end_ms = timeout_ms < 0 ? -1 : clock_now_ms() + timeout_ms,
	};
	struct sigaction ignore = { .sa_handler = SIG_IGN };
	struct sigaction old;
	int status = 0;
	pid_t pid;
	int ret;

	/* Pipes know no MSG_NOSIGNAL. The child's dispositions are reset, whatever ours are. */
	(void)sigaction(SIGPIPE, &ignore, &old);
	ret = start(&talk, sp, &pid, err);
	if (ret == 0)
		ret = finish(&talk, sp, pid, &status, err);
	(void)sigaction(SIGPIPE, &old, NULL);
	talk_done(&talk);
	if (ret == 0)
		*code = spawn_exit_code(status);
	return ret;
}
