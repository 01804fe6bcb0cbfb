#include "runtime/sandbox/exec.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/uuid.h"
#include "runtime/agent_client/original.h"
#include "runtime/cgroup/cgroup.h"
#include "runtime/sandbox/attach.h"
#include "runtime/sandbox/execs.h"
#include "runtime/sandbox/shim.h"
#include "runtime/sandbox/store.h"
#include "runtime/sandbox/timing.h"

enum { EXEC_TIMEOUT_MS = 60000, END_TIMEOUT_MS = 2000 };

struct exec {
	const struct exec_request *request;
	struct record rec;
	struct arena arena;
	struct oci_process process;
	struct client client;
	struct client_wait wait;
	char token[CLIENT_TOKEN_MAX];
	int pty_slave_fd;
	int netns_fd;
	struct proc_id shim;
};

static int check_status(const struct exec *exec, struct error *err)
{
	enum oci_status status = record_status(&exec->rec.state);

	switch (status) {
	case OCI_STATUS_CREATED:
	case OCI_STATUS_RUNNING:
		return 0;
	case OCI_STATUS_STOPPED:
		return err_msg(err, -EINVAL, "cannot exec in a stopped container");
	case OCI_STATUS_PAUSED:
		if (exec->request->ignore_paused)
			return 0;
		return err_msg(
			err, -EINVAL,
			"cannot exec in a paused container (use --ignore-paused to override)");
	default:
		return err_msg(err, -EINVAL, "cannot exec in a container in the %s state",
			       oci_status_name((int)status));
	}
}

/* Without a lock: nothing of the state is changed, and a guest that hangs must not keep a delete
 * out. */
static int phase_open(struct exec *exec, struct error *err)
{
	int ret = record_peek(&exec->rec, exec->request->root, exec->request->id, err);

	return ret < 0 ? ret : check_status(exec, err);
}

static int phase_inputs(struct exec *exec, struct error *err)
{
	const struct exec_request *request = exec->request;
	int ret = exec_read_process(request, exec->rec.state.bundle, &exec->arena, &exec->process,
				    err);

	return ret < 0 ? ret
		       : shim_check_terminal(request->detach, exec->process.terminal,
					     request->console_socket, err);
}

static int phase_attach(struct exec *exec, struct error *err)
{
	int ret = attach_open_streams(&exec->rec, &exec->client, &exec->wait, exec->token, err);

	exec->client.interrupt_fd = exec->request->interrupt_fd;
	return ret;
}

static int phase_console(struct exec *exec, struct error *err)
{
	if (!exec->request->console_socket)
		return 0;
	return shim_open_console(exec->request->console_socket, exec->process.console_size,
				 &exec->pty_slave_fd, err);
}

/* The network namespace of the container's own process; -1 when that is ours. */
static int open_netns(const struct proc_id *shim, int *netns_fd, struct error *err)
{
	char path[48];
	auto_close int fd = -1;
	struct stat theirs, ours;

	(void)snprintf(path, sizeof(path), "/proc/%lld/ns/net", (long long)shim->pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	/* Asked after the open: the pid was not somebody else's. */
	if (!proc_is_alive(shim))
		return err_msg(err, -ESRCH, "cannot exec in a stopped container");
	if (fd < 0 || fstat(fd, &theirs) < 0 || stat("/proc/self/ns/net", &ours) < 0)
		return err_set(err, -errno, "open '%s'", path);
	if (theirs.st_dev != ours.st_dev || theirs.st_ino != ours.st_ino)
		*netns_fd = take_fd(&fd);
	return 0;
}

static int record_self(void *arg, struct error *err)
{
	const struct exec *exec = arg;
	int ret = execs_add_self(exec->rec.dir_fd, err);

	return ret < 0 ? ret : cgroup_join(&exec->rec.state.cgroups, 0, err);
}

/* Under the lock, so that a delete either comes before and is seen, or finds the shim recorded. */
static int phase_shim(struct exec *exec, struct error *err)
{
	const struct exec_request *request = exec->request;
	struct shim shim = {
		.path = exec->rec.state.shim_path,
		.id = exec->rec.state.id,
		.dir = record_sandbox_path(&exec->rec),
		.token = exec->token,
		.pty_slave_fd = exec->pty_slave_fd,
		.counts_fd = -1,
		.own_session = request->detach || !exec->process.terminal,
		.like = &exec->rec.state.shim,
		.record = record_self,
		.record_arg = exec,
	};
	int ret;

	if (!shim.path)
		return err_msg(
			err, -ENODATA,
			"the state of '%s' does not say which shim to use (it is of an older acrun)",
			shim.id);
	ret = record_lock_shared(&exec->rec, err);
	if (ret < 0)
		return ret;
	ret = open_netns(&exec->rec.state.shim, &exec->netns_fd, err);
	shim.netns_fd = exec->netns_fd;
	if (ret == 0)
		ret = shim_start(&shim, &exec->shim, err);
	if (ret == 0)
		timing_keep(exec->rec.dir_fd, true);
	record_unlock(&exec->rec);
	return ret;
}

static int original_process(struct exec *exec, struct error *err)
{
	enum agent_dialect dialect = exec->client.dialect;
	struct call_execcmd body = { .container = exec->rec.state.id };
	auto_strvec struct strvec unapplied = { 0 };
	int ret = original_make_process(&exec->process, &exec->arena, &body.process, err);

	original_list_unapplied_exec(dialect, &exec->process, &unapplied);
	for (size_t i = 0; i < unapplied.len; i++)
		log_warning("%s", unapplied.items[i]);
	if (ret == 0)
		ret = original_call(&exec->client, dialect, CALL_EXECCMD, exec->token, &body,
				    &exec->wait, err);
	return ret < 0 ? err_ctx(err, "unable to start container process") : 0;
}

static int phase_process(struct exec *exec, struct error *err)
{
	char id[UUID_TEXT_LEN];
	struct call_execprocess body = {
		.container = exec->rec.state.id,
		.process = { .id = id,
			     .terminal = exec->process.terminal,
			     .plain_output = !exec->request->detach },
		.spec = exec->process,
	};
	int ret;

	if (exec->client.dialect != AGENT_ACRUN)
		return original_process(exec, err);
	uuid_generate_text(id);
	ret = agent_call(&exec->client, CALL_EXECPROCESS, exec->token, &call_execprocess_type,
			 &body, &exec->wait, err);
	return ret < 0 ? err_ctx(err, "unable to start container process") : 0;
}

static int phase_publish(struct exec *exec, struct error *err)
{
	return exec->request->pid_file
		       ? shim_write_pid_file(exec->request->pid_file, exec->shim.pid, err)
		       : 0;
}

static int run_phases(struct exec *exec, struct error *err)
{
	static const struct {
		const char *name;
		int (*run)(struct exec *exec, struct error *err);
	} phases[] = {
		{ "open", phase_open },	      { "inputs", phase_inputs },
		{ "attach", phase_attach },   { "console", phase_console },
		{ "shim", phase_shim },	      { "process", phase_process },
		{ "publish", phase_publish },
	};

	for (size_t i = 0; i < sizeof(phases) / sizeof(phases[0]); i++) {
		int64_t begun = clock_now_us();
		int ret = phases[i].run(exec, err);

		timing_phase(phases[i].name, begun, ret);
		if (ret < 0)
			return ret;
	}
	return 0;
}

/* The proxy tells it that there is no process; it then puts the terminal in order by itself. With
 * the process running, its end takes that along. */
static void end_shim(const struct exec *exec)
{
	if (!exec->shim.pid || proc_wait_gone(&exec->shim, END_TIMEOUT_MS) != -ETIMEDOUT)
		return;
	if (proc_signal(&exec->shim, SIGKILL) == 0)
		(void)!proc_wait_gone(&exec->shim, END_TIMEOUT_MS);
}

static void exec_done(struct exec *exec)
{
	attach_done(&exec->wait);
	client_close(&exec->client);
	cleanup_close(&exec->pty_slave_fd);
	cleanup_close(&exec->netns_fd);
	record_done(&exec->rec);
	arena_done(&exec->arena);
}

int sandbox_exec(const struct exec_request *request, int64_t *shim_pid, struct error *err)
{
	struct exec exec = {
		.request = request,
		.rec = RECORD_INIT,
		.client = { .fd = -1, .interrupt_fd = -1 },
		.wait = { .deadline_ms = clock_now_ms() + EXEC_TIMEOUT_MS, .abort_fd = -1 },
		.pty_slave_fd = -1,
		.netns_fd = -1,
	};
	int ret;

	(void)timing_begin("exec", request->id);
	ret = run_phases(&exec, err);
	if (ret < 0)
		end_shim(&exec);
	else
		*shim_pid = exec.shim.pid;
	exec_done(&exec);
	timing_end(ret);
	return ret;
}
