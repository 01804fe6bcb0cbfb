#include "cmd/acrun-cached/maker.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>
#include "base/cleanup.h"
#include "base/spawn.h"
#include "cmd/acrun-cached/maker_internal.h"

enum { TOLD_MAX = 64 << 10, ARGS_MAX = 8 };

static int spawn_maker(struct maker *maker, const struct maker_order *order, int dir_fd, int tell,
		       struct error *err)
{
	const char *argv[ARGS_MAX];
	struct spawn sp = { .path = "/proc/self/exe", .argv = argv };
	size_t n = 0;
	pid_t pid;
	int ret;

	argv[n++] = "acrun-cached";
	argv[n++] = "-make";
	argv[n++] = maker->uuid;
	if (order->config) {
		argv[n++] = "-config";
		argv[n++] = order->config;
	}
	if (order->stays_cold)
		argv[n++] = "-cold";
	if (order->debug)
		argv[n++] = "-debug";
	argv[n] = NULL;
	sp.fds[sp.n_fds++] = (struct spawn_fd){ tell, STDOUT_FILENO };
	sp.fds[sp.n_fds++] = (struct spawn_fd){ STDERR_FILENO, STDERR_FILENO };
	sp.fds[sp.n_fds++] = (struct spawn_fd){ dir_fd, MAKER_DIR_FD };
	ret = spawn_start(&sp, &pid, err);
	if (ret == 0 && proc_identify(pid, &maker->process) < 0)
		maker->process = (struct proc_id){ 0 }; /* ended at once */
	return ret;
}

int maker_start(struct maker *maker, struct maker_order order, int dir_fd, struct error *err)
{
	auto_close int tell = -1;
	int ends[2];
	int ret;

	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
		return err_set(err, -errno, "make a pipe");
	maker->fd = ends[0];
	tell = ends[1];
	strbuf_done(&maker->told);
	uuid_generate_text(maker->uuid);
	ret = spawn_maker(maker, &order, dir_fd, tell, err);
	if (ret < 0) {
		cleanup_close(&maker->fd);
		return err_ctx(err, "make a machine for the VM cache");
	}
	return 0;
}

int maker_read(struct maker *maker)
{
	char part[4096];

	for (;;) {
		ssize_t n = read(maker->fd, part, sizeof(part));

		if (n == 0)
			return 1;
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? 0 : -errno;
		if (maker->told.len + (size_t)n > TOLD_MAX)
			return -EMSGSIZE;
		(void)strbuf_add(&maker->told, part, (size_t)n);
	}
}

/* What follows `word`; NULL when it does not begin so. */
static const char *after(const char *text, const char *word)
{
	size_t len = strlen(word);

	return strncmp(text, word, len) ? NULL : text + len;
}

enum maker_result maker_result(const struct maker *maker, struct arena *arena,
			       struct cache_machine *machine, struct error *err)
{
	const char *told = strbuf_str(&maker->told);
	const char *rest = after(told, MAKER_TELLS_READY);
	enum maker_result result = MAKER_FAILED;

	if (rest)
		return cache_machine_decode(rest, strlen(rest), arena, machine, err) < 0
			       ? MAKER_FAILED
			       : MAKER_READY;
	rest = after(told, MAKER_TELLS_FAILED);
	if (!rest) {
		rest = after(told, MAKER_TELLS_NOT_WARM);
		result = rest ? MAKER_WARM_FAILED : MAKER_FAILED;
	}
	err_msg(err, -ECHILD, "%s", rest ? rest : "the process that makes machines was killed");
	return result;
}

/* Until whatever it has started has executed its program, or is gone with it. */
static void wait_for_silence(struct maker *maker)
{
	struct pollfd told = { .fd = maker->fd, .events = POLLIN };
	char part[4096];

	for (;;) {
		ssize_t n = read(maker->fd, part, sizeof(part));

		if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
			return;
		if (n < 0)
			(void)poll(&told, 1, -1);
	}
}

void maker_done(struct maker *maker)
{
	if (maker->fd >= 0) {
		if (maker->process.pid > 0)
			(void)!proc_signal(&maker->process, SIGKILL);
		wait_for_silence(maker);
	}
	cleanup_close(&maker->fd);
	strbuf_done(&maker->told);
}
