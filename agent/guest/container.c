#include "agent/guest/container.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/guest/cgroup.h"
#include "agent/guest/dns.h"
#include "agent/guest/events.h"
#include "agent/guest/fail.h"
#include "agent/guest/freeze.h"
#include "agent/guest/layers.h"
#include "agent/guest/ns.h"
#include "agent/guest/oom.h"
#include "agent/guest/signals.h"
#include "agent/guest/slots.h"
#include "base/cleanup.h"
#include "base/name.h"

enum { REMOVAL_MS = 5000 };

struct container *container_find(struct guest *guest, const char *id)
{
	for (struct container *c = guest->containers; c && id; c = c->next)
		if (strcmp(c->id, id) == 0)
			return c;
	return NULL;
}

int container_rename(struct container *container, const char *id, struct error *err)
{
	char *copy;

	if (!name_is_valid(id))
		return err_msg(err, -EINVAL, "container id '%s' is not valid", id);
	if (strcmp(container->id, id) == 0)
		return 0;
	if (container_find(container->guest, id))
		return err_msg(err, -EEXIST, "container '%s' exists already", id);
	copy = strdup(id);
	if (!copy)
		return err_msg(err, -ENOMEM, "no memory for another id");
	free(container->id);
	container->id = copy;
	return 0;
}

void container_free(struct container *container)
{
	struct guest *guest = container->guest;
	struct container **link = &guest->containers;

	while (*link && *link != container)
		link = &(*link)->next;
	if (*link)
		*link = container->next;
	if (container->removal_timer > 0)
		loop_remove_timer(guest->loop, container->removal_timer);
	freeze_done(container);
	oom_unwatch(container);
	if (container->made_as) {
		dns_forget(container->made_as);
		layers_forget(container->made_as);
	}
	if (container->cgroup_fd >= 0 && container->made_as)
		cgroup_remove(container->made_as);
	cleanup_close(&container->cgroup_fd);
	cleanup_close(&container->join_pidfd);
	cleanup_close(&container->join_pidns_fd);
	arena_done(&container->arena);
	free(container->cgroup_path);
	free(container->reply);
	free(container->id);
	free(container->made_as);
	free(container);
	/* the document was in pieces all over the heap */
	(void)malloc_trim(0);
}

static bool is_alive(const struct container *container)
{
	return container->init && container->init->state >= PROCESS_PARKED &&
	       container->init->state < PROCESS_ENDED;
}

/* The pod's first container that lives: its namespaces are what others share. */
static struct container *pod_container(struct guest *guest)
{
	struct container *found = NULL;

	for (struct container *c = guest->containers; c; c = c->next)
		if (is_alive(c))
			found = c; /* the list has the newest first */
	return found;
}

/* The pidfd of whose namespaces are to be joined: of container `id`, NULL for the pod's first. */
static int open_namespaces(struct guest *guest, const char *id, struct error *err)
{
	const struct container *c = id ? container_find(guest, id) : pod_container(guest);
	int fd;

	if (!c || !is_alive(c))
		return err_msg(err, -ESRCH,
			       "container '%s', whose namespaces are to be joined, "
			       "is not running",
			       id ? id : "");
	fd = fcntl(c->init->pidfd, F_DUPFD_CLOEXEC, 3);
	return fd < 0 ? fail_set(err, -errno, "share the namespaces of '%s'", c->id) : fd;
}

static int plan_namespaces(struct container *container, const struct oci_spec *spec,
			   struct error *err)
{
	struct guest *guest = container->guest;
	const int own_flags = CLONE_NEWCGROUP | CLONE_NEWTIME;
	struct ns_plan plan;
	int ret = ns_make_plan(spec, pod_container(guest) != NULL, &plan, err);

	if (ret < 0)
		return ret;
	/* after the clone: the root of a cgroup namespace is where its maker is; a time namespace
	 * takes offsets until a process is in it */
	container->unshare_flags = plan.new_flags & own_flags;
	container->clone_flags = plan.new_flags & ~own_flags;
	container->join_flags = plan.join_flags;
	if (plan.join_flags & ~CLONE_NEWPID)
		ret = container->join_pidfd = open_namespaces(guest, plan.join_id, err);
	if (ret >= 0 && (plan.join_flags & CLONE_NEWPID))
		ret = container->join_pidns_fd = open_namespaces(guest, plan.pid_id, err);
	return ret < 0 ? ret : 0;
}

static struct container *container_new(struct guest *guest, const char *id)
{
	struct container *container = calloc(1, sizeof(*container));

	if (!container)
		return NULL;
	container->guest = guest;
	container->cgroup_fd = -1;
	container->join_pidfd = -1;
	container->join_pidns_fd = -1;
	container->freeze_fd = -1;
	container->oom_fd = -1;
	container->after_event = events_last(guest);
	container->next = guest->containers;
	guest->containers = container;
	container->id = strdup(id);
	container->made_as = strdup(id);
	if (!container->id || !container->made_as ||
	    asprintf(&container->cgroup_path, "%s/%s", GUEST_CONTAINERS_DIR, id) < 0) {
		container->cgroup_path = NULL;
		container_free(container);
		return NULL;
	}
	return container;
}

static int check_request(struct guest *guest, const struct container_request *request,
			 struct error *err)
{
	if (!name_is_valid(request->id))
		return err_msg(err, -EINVAL, "container id \"%s\" is not valid",
			       request->id ? request->id : "");
	if (container_find(guest, request->id))
		return err_msg(err, -EEXIST, "container '%s' exists already", request->id);
	if (!request->rootfs || !*request->rootfs)
		return err_msg(err, -EINVAL, "container '%s' has no root file system", request->id);
	return process_check_streams(guest, request->streams, err);
}

int container_create(struct guest *guest, const struct container_request *request,
		     struct arena *arena, struct error *err)
{
	struct process_request process = {
		.id = "init",
		.first = true,
		.autostart = request->autostart,
		.streams = request->streams,
		.process = request->spec->process,
		.names = request->names,
		.slot = request->slot,
	};
	struct container *container;
	int ret = check_request(guest, request, err);

	if (ret < 0)
		return ret;
	container = container_new(guest, request->id);
	if (!container)
		return fail_set(err, -ENOMEM, "new container '%s'", request->id);
	container->reply = request->reply ? strdup(request->reply) : NULL;
	container->spec = request->spec;
	container->rootfs = request->rootfs;
	container->bundle = request->bundle;
	process.container = container;
	container->cgroup_fd = cgroup_make(container->id, err);
	ret = container->cgroup_fd < 0 ? container->cgroup_fd
				       : plan_namespaces(container, request->spec, err);
	if (ret == 0)
		oom_watch(container);
	if (ret == 0 && request->spec->linux_)
		ret = cgroup_set_resources(container->cgroup_fd, request->spec->linux_->resources,
					   err);
	if (ret == 0)
		ret = process_launch(guest, &process, err);
	if (ret < 0) {
		container_free(container);
		return ret;
	}
	container->arena = *arena;
	*arena = (struct arena){ 0 };
	return 0;
}

int container_exec_flags(const struct container *container)
{
	int flags = container->clone_flags | container->unshare_flags | container->join_flags;

	return flags & ~CLONE_NEWPID;
}

bool container_has_userns(const struct container *container)
{
	return ((container->clone_flags | container->join_flags) & CLONE_NEWUSER) != 0;
}

int container_signal(struct container *container, int signo, bool all, struct error *err)
{
	int ret;

	if (!container->init || container->init->state == PROCESS_ENDED)
		return err_msg(err, -ESRCH, "container not running");
	if (!all)
		return process_signal(container->init, signo, err);
	if (signo == SIGKILL || container->init->state != PROCESS_RUNNING)
		return process_signal(container->init, signo, err);
	ret = cgroup_signal(container->cgroup_fd, signo);
	/* what the kernel shields init from must reach it as well */
	if (ret == 0 && container->init->pid1 && signals_would_kill(container->init->pid, signo))
		return process_signal(container->init, signo, err);
	return ret < 0 ? fail_set(err, ret, "signal all processes of container '%s'", container->id)
		       : 0;
}

void container_init_gone(struct container *container)
{
	container->state = CONTAINER_STOPPED;
	freeze_done(container);
	/* with a pid namespace of its own the kernel has done this already */
	if (!(container->clone_flags & CLONE_NEWPID))
		(void)cgroup_signal(container->cgroup_fd, SIGKILL);
}

void container_launch_failed(struct container *container)
{
	(void)cgroup_signal(container->cgroup_fd, SIGKILL);
	container->init = NULL;
}

static struct process *any_process(const struct container *container)
{
	for (struct process *p = container->guest->processes; p; p = p->next)
		if (p->container == container)
			return p;
	return NULL;
}

static void finish_removal(struct container *container)
{
	struct slot *slot = container->removal;

	container->removal = NULL;
	container_free(container);
	if (slot)
		slot_ack(slot, NULL, 0);
}

void container_process_gone(struct container *container)
{
	struct process *init = NULL;

	for (struct process *p = container->guest->processes; p; p = p->next)
		if (p->container == container && p->first)
			init = p;
	container->init = init;
	if (container->removal && !any_process(container))
		finish_removal(container);
}

static size_t count_processes(const struct container *container)
{
	size_t n = 0;

	for (const struct process *p = container->guest->processes; p; p = p->next)
		n += p->container == container;
	return n;
}

static struct process *ended_process(const struct container *container)
{
	for (struct process *p = container->guest->processes; p; p = p->next)
		if (p->container == container && p->state == PROCESS_ENDED)
			return p;
	return NULL;
}

/* The host does not take the rest of the output: report the ends without it. */
static void on_removal_timeout(void *arg)
{
	struct container *container = arg;
	struct process *process;

	container->removal_timer = 0;
	(void)cgroup_signal(container->cgroup_fd, SIGKILL);
	while ((process = ended_process(container))) {
		/* the container goes with its last process */
		bool last = count_processes(container) == 1;

		stream_finish(&process->stream);
		if (last)
			return;
	}
	container->removal_timer =
		loop_add_timer(container->guest->loop, REMOVAL_MS, on_removal_timeout, container);
}

void container_remove(struct container *container, struct slot *slot)
{
	if (container->removal) {
		slot_errorf(slot, "container '%s' is being removed", container->id);
		return;
	}
	container->removal = slot;
	if (!any_process(container)) {
		finish_removal(container);
		return;
	}
	container->removal_timer =
		loop_add_timer(container->guest->loop, REMOVAL_MS, on_removal_timeout, container);
}
