#include "agent/guest/freeze.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "agent/guest/cgroup.h"
#include "agent/guest/fail.h"
#include "agent/guest/slots.h"
#include "base/cleanup.h"
#include "base/fs.h"

enum { FREEZE_MS = 10000 };

/* Ends the wait; the request is the caller's to answer. */
static struct slot *stop_waiting(struct container *container)
{
	struct slot *slot = container->freeze_slot;

	if (container->freeze_timer > 0)
		loop_remove_timer(container->guest->loop, container->freeze_timer);
	if (container->freeze_fd >= 0)
		loop_remove_fd(container->guest->loop, container->freeze_fd);
	cleanup_close(&container->freeze_fd);
	container->freeze_timer = 0;
	container->freeze_slot = NULL;
	return slot;
}

static void on_cgroup_event(void *arg, int fd, uint32_t events)
{
	struct container *container = arg;

	(void)events;
	if (cgroup_read_key(fd, "frozen") != 1)
		return;
	container->paused = true;
	slot_ack(stop_waiting(container), NULL, 0);
}

/* Something in it does not come to rest, as in a system call that cannot be interrupted. */
static void on_timeout(void *arg)
{
	struct container *container = arg;

	container->freeze_timer = 0;
	(void)!fs_write_file_at(container->cgroup_fd, "cgroup.freeze", "0");
	slot_errorf(stop_waiting(container),
		    "container '%s' has not come to rest within %d s; it goes on", container->id,
		    FREEZE_MS / 1000);
}

static int start_waiting(struct container *container, struct slot *slot)
{
	struct loop *loop = container->guest->loop;
	int ret;

	container->freeze_slot = slot;
	container->freeze_fd = openat(container->cgroup_fd, "cgroup.events", O_RDONLY | O_CLOEXEC);
	if (container->freeze_fd < 0)
		return -errno;
	ret = loop_add_fd(loop, container->freeze_fd, EPOLLPRI, on_cgroup_event, container);
	if (ret < 0)
		return ret;
	container->freeze_timer = loop_add_timer(loop, FREEZE_MS, on_timeout, container);
	return container->freeze_timer < 0 ? container->freeze_timer : 0;
}

void freeze_pause(struct container *container, struct slot *slot)
{
	int ret;

	if (!container->init || container->init->state < PROCESS_PARKED ||
	    container->init->state == PROCESS_ENDED) {
		slot_errorf(slot, "container not running");
		return;
	}
	if (container->freeze_slot) {
		slot_errorf(slot, "container '%s' is being paused", container->id);
		return;
	}
	ret = start_waiting(container, slot);
	if (ret == 0)
		ret = fs_write_file_at(container->cgroup_fd, "cgroup.freeze", "1");
	if (ret < 0) {
		struct error err;

		(void)fail_set(&err, ret, "freeze container '%s'", container->id);
		slot_error(stop_waiting(container), &err);
		return;
	}
	/* it may have been at rest already: then nothing is told */
	if (container->freeze_fd >= 0)
		on_cgroup_event(container, container->freeze_fd, 0);
}

void freeze_resume(struct container *container, struct slot *slot)
{
	struct process *init = container->init;
	struct error err = { 0 };
	int ret;

	if (!container->paused && !container->freeze_slot) {
		slot_errorf(slot, "container not paused");
		return;
	}
	ret = fs_write_file_at(container->cgroup_fd, "cgroup.freeze", "0");
	if (ret < 0) {
		(void)fail_set(&err, ret, "thaw container '%s'", container->id);
		slot_error(slot, &err);
		return;
	}
	container->paused = false;
	if (container->freeze_slot)
		slot_errorf(stop_waiting(container), "container '%s' was resumed meanwhile",
			    container->id);
	if (init && init->deferred_signal) {
		int signo = init->deferred_signal;

		init->deferred_signal = 0;
		(void)!process_signal(init, signo, &err);
	}
	slot_ack(slot, NULL, 0);
}

void freeze_done(struct container *container)
{
	struct slot *slot = stop_waiting(container);

	container->paused = false;
	if (slot)
		slot_errorf(slot, "container not running");
}
