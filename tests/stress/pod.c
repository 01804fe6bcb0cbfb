#include "tests/stress/pod.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/spawn.h"
#include "runtime/storage/share.h"

enum { READ_BYTES = 4096, ARGV_MAX = 24 };

static int load_spec(struct pod *pod, struct error *err)
{
	const struct record_state *state = &pod->rec.state;
	auto_close int dir = fs_open_dir_at(AT_FDCWD, state->bundle);
	struct share ignored;
	int ret;

	if (dir < 0)
		return err_set(err, dir, "open the bundle '%s'", state->bundle);
	ret = oci_spec_load(dir, "config.json", &pod->arena, &pod->spec, err);
	if (ret == 0)
		ret = oci_spec_check(&pod->spec, err);
	if (ret == 0)
		ret = share_plan(&ignored, &pod->spec, state->rootfs, state->bundle, state->id,
				 &pod->arena, &pod->rootfs, err);
	pod->spec.hooks = NULL;
	return ret;
}

int pod_open(struct pod *pod, struct error *err)
{
	int ret;

	pod->rec = (struct record)RECORD_INIT;
	ret = record_peek(&pod->rec, pod->root, pod->id, err);
	if (ret < 0)
		return ret;
	pod->uri = arena_printf(&pod->arena, "unix://%s/proxy.sock", pod->rec.dir_path);
	return pod->uri ? load_spec(pod, err) : err_set(err, -ENOMEM, "open the sandbox");
}

void pod_close(struct pod *pod)
{
	record_done(&pod->rec);
	arena_done(&pod->arena);
}

int pod_connect(const struct pod *pod, struct client *client, struct client_wait *wait,
		struct error *err)
{
	*wait = (struct client_wait){ .deadline_ms = clock_now_ms() + POD_TIMEOUT_MS,
				      .abort_fd = -1 };
	return attach_open(&pod->rec, client, wait, err);
}

static int open_pipe(int *ours, int *theirs, bool we_write, struct error *err)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_set(err, -errno, "make a pipe");
	*ours = ends[we_write];
	*theirs = ends[!we_write];
	return 0;
}

int worker_start(struct worker *worker, struct spawn *spawn, bool in, bool err_too,
		 struct error *err)
{
	auto_close int child_in = -1;
	auto_close int child_out = -1;
	auto_close int child_err = -1;
	int ret = open_pipe(&worker->out, &child_out, false, err);

	if (ret == 0 && in)
		ret = open_pipe(&worker->in, &child_in, true, err);
	if (ret == 0 && err_too)
		ret = open_pipe(&worker->err, &child_err, false, err);
	if (ret < 0)
		return ret;
	spawn->fds[spawn->n_fds++] = (struct spawn_fd){ child_out, STDOUT_FILENO };
	spawn->fds[spawn->n_fds++] =
		(struct spawn_fd){ err_too ? child_err : STDERR_FILENO, STDERR_FILENO };
	if (in)
		spawn->fds[spawn->n_fds++] = (struct spawn_fd){ child_in, STDIN_FILENO };
	return spawn_start(spawn, &worker->pid, err);
}

int worker_read(struct worker *worker, bool line, struct error *err)
{
	int64_t deadline = clock_now_ms() + POD_TIMEOUT_MS;
	ssize_t n = 1;

	while (n > 0 && !(line && memchr(strbuf_str(&worker->got), '\n', worker->got.len))) {
		struct pollfd pfd = { .fd = worker->out, .events = POLLIN };
		int64_t left = deadline - clock_now_ms();
		char *room = strbuf_reserve(&worker->got, READ_BYTES);

		if (!room)
			return err_set(err, strbuf_error(&worker->got), "read output");
		if (left <= 0 || poll(&pfd, 1, (int)left) == 0)
			return err_msg(err, -ETIMEDOUT, "no more output of process %lld",
				       (long long)worker->pid);
		n = read(worker->out, room, READ_BYTES);
		if (n < 0)
			return err_set(err, -errno, "read output");
		strbuf_grown(&worker->got, (size_t)n);
	}
	return 0;
}

int worker_end(struct worker *worker, int code, struct error *err)
{
	int status = 0;
	int ret = spawn_wait(worker->pid, POD_TIMEOUT_MS, &status);

	if (ret < 0)
		return err_set(err, ret, "wait for process %lld", (long long)worker->pid);
	worker->pid = 0;
	if (spawn_exit_code(status) != code)
		return err_msg(err, -EIO, "exit code %d instead of %d", spawn_exit_code(status),
			       code);
	return 0;
}

void worker_done(struct worker *worker)
{
	int status;

	if (worker->pid > 0) {
		(void)kill(worker->pid, SIGKILL);
		(void)!spawn_wait(worker->pid, -1, &status);
	}
	cleanup_close(&worker->in);
	cleanup_close(&worker->out);
	cleanup_close(&worker->err);
	strbuf_done(&worker->got);
}

int pod_exec(const struct pod *pod, const char *const *words, bool err_too, struct worker *worker,
	     struct error *err)
{
	const char *argv[ARGV_MAX] = { pod->acrun, "--root", pod->root, "exec", pod->id };
	struct spawn spawn = { .path = pod->acrun, .argv = argv };
	size_t n = 5;

	while (*words && n < ARGV_MAX - 1)
		argv[n++] = *words++;
	return worker_start(worker, &spawn, false, err_too, err);
}
