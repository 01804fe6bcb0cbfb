#include "agent/guest/task.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "agent/guest/fail.h"
#include "agent/guest/worker.h"
#include "agent/proto/hyperstart.h"
#include "base/cleanup.h"
#include "base/fs.h"

struct task {
	task_job *job;
	const void *arg; /* only for the worker */
	int out_fd;
	struct slot *slot;
};

static int run(void *arg, struct error *err)
{
	const struct task *task = arg;

	return task->job(task->arg, task->out_fd, err);
}

static void answer(const struct task *task, const struct error *failure)
{
	auto_strbuf struct strbuf out = { 0 };
	struct error err = *failure;

	if (err.code == 0 && lseek(task->out_fd, 0, SEEK_SET) < 0)
		(void)fail_set(&err, -errno, "read the answer of a worker");
	if (err.code == 0) {
		int ret = fs_read_all(task->out_fd, &out, CTL_FRAME_MAX);

		if (ret < 0)
			(void)fail_set(&err, ret, "read the answer of a worker");
	}
	if (err.code)
		slot_error(task->slot, &err);
	else
		slot_ack(task->slot, out.data, out.len);
}

static void on_done(struct guest *guest, void *arg, const struct error *err)
{
	struct task *task = arg;

	(void)guest;
	answer(task, err);
	cleanup_close(&task->out_fd);
	free(task);
}

void task_start(struct guest *guest, task_job *job, const void *arg, struct slot *slot)
{
	struct task *task = calloc(1, sizeof(*task));
	struct error err = { 0 };
	int ret;

	if (!task) {
		slot_errorf(slot, "start a worker: cannot allocate memory");
		return;
	}
	*task = (struct task){ .job = job, .arg = arg, .slot = slot };
	task->out_fd = memfd_create("answer", MFD_CLOEXEC);
	if (task->out_fd < 0)
		ret = fail_set(&err, -errno, "start a worker");
	else
		ret = worker_start(guest, run, on_done, task, &err);
	if (ret == 0)
		return;
	cleanup_close(&task->out_fd);
	free(task);
	slot_error(slot, &err);
}

int task_enter_mounts(int pidfd, const char *container, struct error *err)
{
	int fd;

	if (setns(pidfd, CLONE_NEWNS) < 0)
		return fail_set(err, -errno, "enter the mounts of container '%s'", container);
	fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? fail_set(err, -errno, "open the root of container '%s'", container) : fd;
}
