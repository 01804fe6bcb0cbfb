#include "agent/guest/process.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/guest/container.h"
#include "agent/guest/events.h"
#include "agent/guest/fail.h"
#include "agent/guest/launch.h"
#include "agent/guest/oom.h"
#include "agent/guest/signals.h"
#include "agent/guest/slots.h"
#include "agent/guest/terminal.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/spawn.h"

enum { EXIT_NOT_EXECUTABLE = 126, EXIT_NOT_FOUND = 127, EXIT_NEVER_RAN = 255 };

/* Pipe ends on their way: row i is descriptor i of the child. */
struct pipes {
	int ours[3];
	int theirs[3];
};

struct process *process_find(struct guest *guest, const struct container *container, const char *id)
{
	bool first = !id || !*id;

	for (struct process *p = guest->processes; p; p = p->next)
		if (p->container == container && (first ? p->first : strcmp(p->id, id) == 0))
			return p;
	return NULL;
}

struct process *process_find_stream(struct guest *guest, uint64_t stdio)
{
	for (struct process *p = guest->processes; p && stdio; p = p->next)
		if (p->stream.stdio == stdio)
			return p;
	return NULL;
}

static bool is_taken(struct guest *guest, uint64_t id)
{
	for (struct stream *st = guest->streams; st; st = st->next)
		if (st->stdio == id || st->stderr_id == id)
			return true;
	return false;
}

int process_check_streams(struct guest *guest, const struct call_streams *streams,
			  struct error *err)
{
	uint64_t ids[] = { streams->stdio, streams->stderr_stream };

	if (streams->stdio == 0)
		return err_msg(err, -EINVAL, "a process needs a stdio stream");
	if (streams->stdio == streams->stderr_stream)
		return err_msg(err, -EINVAL, "stdio and stderr can't be the same stream");
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		if (ids[i] & STREAM_CREDIT_BIT)
			return err_msg(err, -EINVAL, "stream id %" PRIu64 " is out of range",
				       ids[i]);
		if (ids[i] && is_taken(guest, ids[i]))
			return err_msg(err, -EEXIST, "stream %" PRIu64 " is in use", ids[i]);
	}
	return 0;
}

static void process_free(struct process *process)
{
	struct guest *guest = process->guest;
	struct process **link = &guest->processes;

	while (*link && *link != process)
		link = &(*link)->next;
	if (*link)
		*link = process->next;
	if (process->sync_fd >= 0)
		loop_remove_fd(guest->loop, process->sync_fd);
	cleanup_close(&process->sync_fd);
	cleanup_close(&process->pidfd);
	cleanup_close(&process->master_fd);
	stream_done(&process->stream);
	free(process->failure);
	free(process->id);
	free(process);
}

static void close_pipes(struct pipes *pipes)
{
	for (int i = 0; i < 3; i++) {
		cleanup_close(&pipes->ours[i]);
		cleanup_close(&pipes->theirs[i]);
	}
}

static int make_pipes(struct pipes *pipes, bool terminal, bool separate_stderr)
{
	for (int i = 0; i < 3; i++) {
		pipes->ours[i] = -1;
		pipes->theirs[i] = -1;
	}
	for (int i = 0; i < 3 && !terminal; i++) {
		int fds[2];

		if (i == 2 && !separate_stderr) {
			pipes->theirs[2] = fcntl(pipes->theirs[1], F_DUPFD_CLOEXEC, 3);
			return pipes->theirs[2] < 0 ? -errno : 0;
		}
		if (pipe2(fds, O_CLOEXEC) < 0)
			return -errno;
		pipes->ours[i] = fds[i == 0];
		pipes->theirs[i] = fds[i != 0];
		if (fcntl(pipes->ours[i], F_SETFL, O_NONBLOCK | (i == 0 ? O_WRONLY : O_RDONLY)) < 0)
			return -errno;
	}
	return 0;
}

/* The child starts life in the container's cgroup and, unless it is but the helper of a user
 * namespace, in its namespaces. Returns as fork(2), or -errno. */
static pid_t clone_child(const struct container *container, bool first, int *pidfd)
{
	bool into = first && !container_has_userns(container);
	struct clone_args args = {
		.flags = CLONE_PIDFD | CLONE_INTO_CGROUP |
			 (into ? (uint64_t)(unsigned)container->clone_flags : 0),
		.pidfd = (uint64_t)(uintptr_t)pidfd,
		.exit_signal = SIGCHLD,
		.cgroup = (uint64_t)container->cgroup_fd,
	};
	pid_t pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));

	return pid < 0 ? -errno : pid;
}

/* With a pid namespace to join: children of ours are born there until we look back. */
static pid_t clone_in_pidns(const struct container *container, bool first, int join, int *pidfd)
{
	auto_close int own = -1;
	pid_t pid;

	if (join < 0)
		return clone_child(container, first, pidfd);
	own = open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC);
	if (own < 0 || setns(join, CLONE_NEWPID) < 0)
		return -errno;
	pid = clone_child(container, first, pidfd);
	if (pid == 0)
		return 0;
	if (setns(own, CLONE_NEWPID) < 0)
		log_error("return to the machine's pid namespace: %s", strerror(errno));
	return pid;
}

static void on_finished(void *arg)
{
	struct process *process = arg;
	struct container *container = process->container;

	process_free(process);
	container_process_gone(container);
}

static void on_sync(void *arg, int fd, uint32_t events);

static struct process *process_new(struct guest *guest, const struct process_request *request)
{
	struct process *process = calloc(1, sizeof(*process));

	if (!process)
		return NULL;
	process->guest = guest;
	process->container = request->container;
	process->first = request->first;
	process->autostart = request->autostart;
	process->plain_output = request->streams->plain_output;
	process->slot = request->slot;
	process->pidfd = -1;
	process->sync_fd = -1;
	process->master_fd = -1;
	process->next = guest->processes;
	guest->processes = process;
	stream_init(&process->stream, guest, request->streams->stdio,
		    request->streams->stderr_stream);
	process->stream.on_finished = on_finished;
	process->stream.arg = process;
	process->id = strdup(request->id);
	if (process->id)
		return process;
	process_free(process);
	return NULL;
}

static void fill_launch(struct launch *launch, const struct process_request *request,
			const struct guest *guest, const struct pipes *pipes, int sync_fd)
{
	const struct container *container = request->container;

	*launch = (struct launch){
		.first = request->first,
		.spec = container->spec,
		.process = request->process,
		.names = request->names,
		.id = container->id,
		.bundle = container->bundle,
		.rootfs = container->rootfs,
		.hostname = guest->hostname,
		.cgroup = container->cgroup_path,
		.own_uts = container->clone_flags & CLONE_NEWUTS,
		.userns = container_has_userns(container),
		.clone_flags = container->clone_flags,
		.join_pidfd = -1,
		.stdio = { pipes->theirs[0], pipes->theirs[1], pipes->theirs[2] },
		.sync_fd = sync_fd,
	};
	if (request->first) {
		launch->unshare_flags = container->unshare_flags;
		launch->join_flags = container->join_flags & ~CLONE_NEWPID;
		launch->join_pidfd = container->join_pidfd;
	} else {
		launch->join_flags = container_exec_flags(container);
		launch->join_pidfd = container->init->pidfd;
	}
}

/* Pid namespace that the clone must be born in: a pidfd of one of its members, or -1. */
static int pidns_to_join(const struct process_request *request)
{
	const struct container *container = request->container;

	if (container->join_flags & CLONE_NEWPID)
		return container->join_pidns_fd;
	if (!request->first && (container->clone_flags & CLONE_NEWPID))
		return container->init->pidfd;
	return -1;
}

static int start_child(struct process *process, const struct process_request *request,
		       struct pipes *pipes, struct error *err)
{
	struct launch launch;
	auto_close int child_sync = -1;
	int pair[2];
	int ret;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return fail_set(err, -errno, "make a socket for the process");
	process->sync_fd = pair[0];
	child_sync = pair[1];
	ret = loop_add_fd(process->guest->loop, process->sync_fd, EPOLLIN, on_sync, process);
	if (ret < 0)
		return fail_set(err, ret, "watch the process");
	fill_launch(&launch, request, process->guest, pipes, child_sync);
	process->pid = clone_in_pidns(request->container, request->first, pidns_to_join(request),
				      &process->pidfd);
	if (process->pid == 0)
		launch_child(&launch);
	if (process->pid < 0)
		return fail_set(err, process->pid, "clone the process of container '%s'",
				request->container->id);
	process->pid1 = request->first && (request->container->clone_flags & CLONE_NEWPID);
	process->helper = launch.userns && launch.first;
	return 0;
}

int process_launch(struct guest *guest, const struct process_request *request, struct error *err)
{
	struct pipes pipes;
	struct process *process;
	bool terminal = request->process->terminal;
	int ret = make_pipes(&pipes, terminal, request->streams->stderr_stream != 0);

	if (ret < 0) {
		close_pipes(&pipes);
		return fail_set(err, ret, "make pipes");
	}
	process = process_new(guest, request);
	ret = process ? start_child(process, request, &pipes, err)
		      : fail_set(err, -ENOMEM, "new process");
	if (ret < 0) {
		if (process)
			process_free(process);
		close_pipes(&pipes);
		return ret;
	}
	if (request->first)
		request->container->init = process;
	if (!terminal)
		stream_open_pipes(&process->stream, take_fd(&pipes.ours[0]),
				  take_fd(&pipes.ours[1]), take_fd(&pipes.ours[2]));
	close_pipes(&pipes);
	return 0;
}

/* Answers the waiting request, if there is one. */
static void answer(struct process *process, const struct error *err)
{
	struct slot *slot = process->slot;

	process->slot = NULL;
	if (slot)
		slot_finish(slot, err);
}

/* The child said what is wrong; its death, which follows, brings that to the host. */
static void keep_failure(struct process *process, int code, const char *text)
{
	if (process->failure)
		return;
	process->failure = calloc(1, sizeof(*process->failure));
	if (process->failure)
		(void)err_msg(process->failure, code, "%s", text);
}

static void take_terminal(struct process *process, int master)
{
	if (master < 0 || process->master_fd >= 0 ||
	    fcntl(master, F_SETFL, O_RDWR | O_NONBLOCK) < 0) {
		cleanup_close(&master);
		return;
	}
	process->master_fd = fcntl(master, F_DUPFD_CLOEXEC, 3);
	if (process->rows || process->columns)
		(void)!terminal_resize(master, process->rows, process->columns);
	if (process->plain_output)
		terminal_end_lines_plainly(master);
	stream_open_terminal(&process->stream, master);
}

/* What was cloned first was a helper: this is the process. */
static void take_child(struct process *process, int *pidfd)
{
	pid_t pid = process->helper && *pidfd >= 0 ? launch_pid_of(*pidfd) : -1;

	if (pid < 0)
		return;
	process->helper = false;
	process->pid = pid;
	cleanup_close(&process->pidfd);
	process->pidfd = take_fd(pidfd);
}

static void ack_creation(const struct container *container, struct slot *slot)
{
	slot_ack(slot, container->reply, container->reply ? strlen(container->reply) : 0);
}

static void parked(struct process *process)
{
	struct slot *slot = process->slot;

	process->state = PROCESS_PARKED;
	if (process->first)
		process->container->state = CONTAINER_CREATED;
	process->slot = NULL;
	if (process->autostart)
		process_start(process, slot);
	else if (slot)
		ack_creation(process->container, slot);
}

void process_start(struct process *process, struct slot *slot)
{
	process->slot = slot;
	process->state = PROCESS_STARTING;
	/* a dead child is noticed by its reaping */
	(void)launch_send(process->sync_fd, LAUNCH_GO, NULL, -1);
}

/* The socket closed: exec has happened, or the child died; then its status tells. */
static void sync_closed(struct process *process)
{
	loop_remove_fd(process->guest->loop, process->sync_fd);
	cleanup_close(&process->sync_fd);
	if (process->state != PROCESS_STARTING || process->failure)
		return;
	process->state = PROCESS_RUNNING;
	if (process->first)
		process->container->state = CONTAINER_RUNNING;
	answer(process, NULL);
}

static void on_sync(void *arg, int fd, uint32_t events)
{
	struct process *process = arg;
	struct launch_message message;
	int passed = -1;
	int ret = launch_receive(fd, &message, &passed);

	(void)events;
	if (ret <= 0) {
		sync_closed(process);
		return;
	}
	if (message.type == LAUNCH_TERMINAL)
		take_terminal(process, take_fd(&passed));
	else if (message.type == LAUNCH_CHILD)
		take_child(process, &passed);
	else if (message.type == LAUNCH_ERROR)
		keep_failure(process, message.code, message.text);
	else if (message.type == LAUNCH_READY && process->state == PROCESS_SETUP)
		parked(process);
	cleanup_close(&passed);
}

int process_signal(struct process *process, int signo, struct error *err)
{
	int ret = 0;

	if (process->state == PROCESS_ENDED)
		return err_msg(err, -ESRCH, "process already finished");
	if (process->pid1 && signo != SIGKILL && signals_would_kill(process->pid, signo)) {
		/* a container at rest gets its signals when it goes on */
		if (process->container->paused) {
			process->deferred_signal = signo;
			return 0;
		}
		process->forced_signal = signo;
		signo = SIGKILL;
	}
	if (kill(process->pid, signo) < 0)
		ret = -errno;
	return ret < 0 ? fail_set(err, ret, "signal process '%s'", process->id) : 0;
}

int process_resize(struct process *process, uint32_t rows, uint32_t columns, struct error *err)
{
	int ret;

	process->rows = rows;
	process->columns = columns;
	if (process->master_fd < 0) {
		if (process->state < PROCESS_RUNNING || process->state == PROCESS_ENDED)
			return 0;
		return err_msg(err, -ENOTTY, "process '%s' has no terminal", process->id);
	}
	ret = terminal_resize(process->master_fd, rows, columns);
	return ret < 0 ? fail_set(err, ret, "resize the terminal of process '%s'", process->id) : 0;
}

static int exit_code(const struct process *process, int status)
{
	if (process->failure && process->state == PROCESS_STARTING)
		return process->failure->code == -ENOENT ? EXIT_NOT_FOUND : EXIT_NOT_EXECUTABLE;
	if (process->forced_signal && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
		return 128 + process->forced_signal;
	return spawn_exit_code(status);
}

/* It never ran: the request is answered with the reason, and there is nothing to report on the
 * streams. */
static void launch_failed(struct process *process)
{
	struct container *container = process->container;
	struct slot *slot = process->slot;
	bool first = process->first;
	struct error err = { 0 };

	if (process->failure)
		err = *process->failure;
	else
		(void)err_msg(&err, -ECHILD,
			      "process '%s' of container '%s' died while it was set up",
			      process->id, container->id);
	process->slot = NULL;
	events_add(process->guest, "exit", container->id, process->id, EXIT_NEVER_RAN);
	if (first)
		container_launch_failed(container);
	process_free(process);
	if (first)
		container_free(container);
	else
		container_process_gone(container);
	if (slot)
		slot_error(slot, &err);
}

/* What the child said last may still be in the socket. */
static void drain_sync(struct process *process)
{
	while (process->sync_fd >= 0)
		on_sync(process, process->sync_fd, 0);
}

/* A helper has ended. If all went well, it has said of whom it was the helper. */
static bool was_helper(struct process *process)
{
	struct pollfd pfd = { .fd = process->sync_fd, .events = POLLIN };

	if (!process->helper)
		return false;
	while (process->helper && process->sync_fd >= 0 && poll(&pfd, 1, 0) > 0)
		on_sync(process, process->sync_fd, 0);
	return !process->helper;
}

void process_reaped(struct guest *guest, pid_t pid, int status)
{
	struct process *process = guest->processes;
	struct error err = { 0 };
	bool never_ran;
	int code;

	while (process && (process->pid != pid || process->state == PROCESS_ENDED))
		process = process->next;
	if (!process || was_helper(process))
		return;
	drain_sync(process);
	never_ran = process->state == PROCESS_SETUP ||
		    (process->autostart && process->failure && process->state == PROCESS_STARTING);
	if (never_ran) {
		launch_failed(process);
		return;
	}
	if (process->failure)
		err = *process->failure;
	code = exit_code(process, status);
	process->state = PROCESS_ENDED;
	oom_check(process->container);
	events_add(guest, "exit", process->container->id, process->id, (uint32_t)code);
	if (process->first)
		container_init_gone(process->container);
	answer(process, &err);
	stream_exit(&process->stream, code);
}
