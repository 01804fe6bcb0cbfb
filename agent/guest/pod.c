#include "agent/guest/pod.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "agent/guest/container.h"
#include "agent/guest/fail.h"
#include "agent/guest/net.h"
#include "agent/guest/rootfs.h"
#include "agent/guest/layers.h"
#include "agent/guest/task.h"
#include "agent/guest/worker.h"

enum { DESTROY_STEP_MS = 50, DESTROY_STEPS = 200, HOSTNAME_LEN = 64 };

/* A pod being started or destroyed. */
struct pod_job {
	struct slot *slot;
	struct guest *guest;
	const void *call; /* only for the worker, which has a copy of it */
	unsigned steps;
};

static void job_free(struct pod_job *job)
{
	free(job);
}

static int start(const struct call_startpod *call, struct error *err)
{
	const struct call_interface *interfaces = call->interfaces.items;
	int ret = 0;

	for (size_t i = 0; ret == 0 && i < call->interfaces.len; i++)
		ret = net_set_interface(&interfaces[i], err);
	if (ret == 0 && call->routes.len > 0)
		ret = net_set_routes(call->routes.items, call->routes.len, err);
	if (ret < 0)
		return ret;
	return call->share_dir && *call->share_dir
		       ? rootfs_mount_share(call->share_dir, call->msize, err)
		       : layers_make_share(err);
}

static void started(struct guest *guest, struct slot *slot, const struct error *err)
{
	guest->pod_starting = false;
	guest->pod_started = err->code == 0;
	slot_finish(slot, err);
}

static int start_job(void *arg, struct error *err)
{
	const struct pod_job *job = arg;

	return start(job->call, err);
}

static void on_started(struct guest *guest, void *arg, const struct error *err)
{
	struct pod_job *job = arg;
	struct slot *slot = job->slot;

	job_free(job);
	started(guest, slot, err);
}

/* Interfaces may have to be waited for. */
static void start_in_worker(struct guest *guest, const struct call_startpod *call,
			    struct slot *slot)
{
	struct pod_job *job = calloc(1, sizeof(*job));
	struct error err = { 0 };

	if (!job) {
		slot_errorf(slot, "start the pod: cannot allocate memory");
		return;
	}
	job->slot = slot;
	job->call = call;
	guest->pod_starting = true;
	if (worker_start(guest, start_job, on_started, job, &err) < 0) {
		job_free(job);
		started(guest, slot, &err);
	}
}

void pod_start(struct guest *guest, const struct call_startpod *call, struct slot *slot)
{
	struct error err = { 0 };

	if (guest->pod_started || guest->pod_starting) {
		slot_errorf(slot, "Pod already started, impossible to start again");
		return;
	}
	if (!guest->extended && (!call->share_dir || !*call->share_dir)) {
		slot_errorf(slot, "shareDir is missing: nothing to mount");
		return;
	}
	free(guest->hostname);
	guest->hostname = call->hostname && *call->hostname ? strndup(call->hostname, HOSTNAME_LEN)
							    : NULL;
	if (guest->hostname)
		(void)!sethostname(guest->hostname, strlen(guest->hostname));
	if (call->interfaces.len > 0 || call->routes.len > 0) {
		start_in_worker(guest, call, slot);
		return;
	}
	/* not by a worker, whose fork would take longer than the work */
	(void)!start(call, &err);
	started(guest, slot, &err);
}

static int interface_job(const void *call, int out_fd, struct error *err)
{
	(void)out_fd;
	return net_set_interface(call, err);
}

static int routes_job(const void *arg, int out_fd, struct error *err)
{
	const struct call_setuproute *call = arg;

	(void)out_fd;
	return net_set_routes(call->routes.items, call->routes.len, err);
}

void pod_set_interface(struct guest *guest, const struct call_interface *call, struct slot *slot)
{
	task_start(guest, interface_job, call, slot);
}

void pod_set_routes(struct guest *guest, const struct call_setuproute *call, struct slot *slot)
{
	task_start(guest, routes_job, call, slot);
}

static int unmount_job(void *arg, struct error *err)
{
	(void)arg;
	if (umount2(GUEST_SHARE_DIR, MNT_DETACH) < 0 && errno != EINVAL)
		return fail_set(err, -errno, "unmount '%s'", GUEST_SHARE_DIR);
	sync();
	return 0;
}

static void on_unmounted(struct guest *guest, void *arg, const struct error *err)
{
	struct pod_job *job = arg;
	struct slot *slot = job->slot;

	if (err->code == 0)
		guest->pod_started = false;
	job_free(job);
	slot_finish(slot, err);
}

/* Removes what has ended. True when no container is left. */
static bool remove_stopped(struct guest *guest)
{
	struct container *next;
	struct error err;

	for (struct process *p = guest->processes, *after; p; p = after) {
		after = p->next;
		if (p->state != PROCESS_ENDED)
			(void)!process_signal(p, SIGKILL, &err);
	}
	for (struct container *c = guest->containers; c; c = next) {
		bool busy = false;

		next = c->next;
		for (struct process *p = guest->processes; p; p = p->next)
			busy |= p->container == c;
		if (!busy && !c->removal)
			container_free(c);
	}
	return !guest->containers;
}

/* Reports the ends that wait for the host to take output. */
static void finish_streams(struct guest *guest)
{
	struct process *process = guest->processes;

	while (process) {
		if (process->state == PROCESS_ENDED) {
			stream_finish(&process->stream);
			process = guest->processes;
		} else {
			process = process->next;
		}
	}
}

static void destroy_step(void *arg)
{
	struct pod_job *job = arg;
	struct guest *guest = job->guest;
	struct error err = { 0 };

	if (job->steps == DESTROY_STEPS / 2)
		finish_streams(guest);
	if (!remove_stopped(guest) && job->steps++ < DESTROY_STEPS) {
		if (loop_add_timer(guest->loop, DESTROY_STEP_MS, destroy_step, job) > 0)
			return;
	}
	if (worker_start(guest, unmount_job, on_unmounted, job, &err) < 0) {
		struct slot *slot = job->slot;

		job_free(job);
		slot_error(slot, &err);
	}
}

void pod_destroy(struct guest *guest, struct slot *slot)
{
	struct pod_job *job;

	if (!guest->pod_started && !guest->containers) {
		slot_ack(slot, NULL, 0);
		return;
	}
	job = calloc(1, sizeof(*job));
	if (!job) {
		slot_errorf(slot, "destroy the pod: cannot allocate memory");
		return;
	}
	job->slot = slot;
	job->guest = guest;
	destroy_step(job);
}
