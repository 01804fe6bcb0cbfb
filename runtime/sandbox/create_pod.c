/* The steps of a create that put a container into the machine of another, its sandbox. */
#include "runtime/sandbox/create_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "agent/proto/calls_control.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/log.h"
#include "runtime/net/netns.h"
#include "runtime/sandbox/attach.h"
#include "runtime/sandbox/grow.h"
#include "runtime/sandbox/pod.h"

enum { LEAVE_TIMEOUT_MS = 10000, LEAVE_WAIT_MS = 5000 };

static int check_sandbox(const struct record_state *state, struct error *err)
{
	if (record_status(state) == OCI_STATUS_CREATING)
		return err_msg(err, -EBUSY, "sandbox '%s' is being created", state->id);
	if (!proc_is_alive(&state->vmm))
		return err_msg(err, -ESRCH,
			       "sandbox '%s' is not running: its virtual machine is gone",
			       state->id);
	if (state->agent)
		return err_msg(
			err, -ENOTSUP,
			"sandbox '%s' has an original agent (%s): it runs one container only",
			state->id, state->agent);
	return 0;
}

/* Of a machine out of the VM cache, the files are behind a link. */
static int open_machine_dir(struct create *create, struct error *err)
{
	struct record *sandbox = &create->sandbox;
	struct machine *machine = &create->machine;
	char dir[PATH_MAX];
	ssize_t n = readlinkat(sandbox->dir_fd, FILE_MACHINE_LINK, dir, sizeof(dir) - 1);

	machine->dir = sandbox->dir_path;
	machine->dir_fd = sandbox->dir_fd;
	if (n <= 0)
		return 0;
	dir[n] = '\0';
	machine->dir = arena_strdup(&create->arena, dir);
	create->cached_fd = machine->dir ? fs_open_dir_at(AT_FDCWD, dir) : -ENOMEM;
	machine->dir_fd = create->cached_fd;
	return create->cached_fd < 0 ? err_set(err, create->cached_fd, "open '%s'", dir) : 0;
}

int create_read_sandbox(struct create *create, struct error *err)
{
	struct record_state *state = &create->sandbox.state;
	struct machine *machine = &create->machine;
	int ret = record_peek_machine(&create->sandbox, create->request->root, create->sandbox_id,
				      err);

	if (ret == 0)
		ret = check_sandbox(state, err);
	if (ret < 0)
		return ret;
	machine->hypervisor = state->hypervisor ? hypervisor_find(state->hypervisor) : NULL;
	if (!machine->hypervisor)
		return err_msg(err, -EINVAL, "the hypervisor '%s' of sandbox '%s' is not known",
			       state->hypervisor ? state->hypervisor : "", state->id);
	machine->config = config_hypervisor(&create->config, machine->hypervisor->name);
	machine->vm.vmm = state->vmm;
	return open_machine_dir(create, err);
}

/* Between the look at the sandbox and this, it may have been deleted, and made anew. */
int step_join(struct create *create, struct error *err)
{
	auto_record struct record sandbox = RECORD_INIT;
	const struct proc_id *vmm = &create->rec.state.vmm;
	int ret = record_open_machine(&sandbox, create->request->root, create->sandbox_id, err);

	if (ret == 0)
		ret = check_sandbox(&sandbox.state, err);
	if (ret < 0)
		return ret;
	if (sandbox.state.vmm.pid != vmm->pid || sandbox.state.vmm.start_time != vmm->start_time)
		return err_msg(err, -ESRCH, "sandbox '%s' has another virtual machine now",
			       create->sandbox_id);
	return pod_add(&create->rec, err);
}

static bool is_sandbox_netns(const struct create *create)
{
	const struct net_state *network = create->sandbox.state.network;
	struct stat theirs, ours;

	if (create->netns_fd < 0)
		return !network;
	if (fstat(create->netns_fd, &theirs) < 0)
		return false;
	if (network)
		return theirs.st_dev == network->device && theirs.st_ino == network->inode;
	return stat("/proc/self/ns/net", &ours) == 0 && theirs.st_dev == ours.st_dev &&
	       theirs.st_ino == ours.st_ino;
}

/* A namespace of a container in the same machine goes to the guest as the container's id; any other
 * path stands for the pod. */
static void name_namespaces(struct create *create)
{
	struct oci_linux *linux_ = create->spec.linux_;
	struct oci_namespace *rows = linux_ ? linux_->namespaces.items : NULL;

	for (size_t i = 0; rows && i < linux_->namespaces.len; i++) {
		auto_record struct record rec = RECORD_INIT;
		const char *root = create->request->root;
		const char *id = pod_find_by_path(root, rows[i].path, rows[i].type, &create->arena);

		if (id && record_peek(&rec, root, id, NULL) == 0 &&
		    !strcmp(rec.state.sandbox_id, create->sandbox_id))
			rows[i].path = id;
	}
}

int step_join_namespaces(struct create *create, struct error *err)
{
	static const char *const other =
		"linux.namespaces: a network namespace that is not the sandbox's: the containers "
		"of a pod have one network, that of their virtual machine";
	int ret = netns_open(&create->spec, &create->netns_fd, err);

	if (ret < 0)
		return ret;
	name_namespaces(create);
	return is_sandbox_netns(create) ? 0 : create_tell_unapplied(create, &other, 1, err);
}

int step_join_share(struct create *create, struct error *err)
{
	const struct machine *machine = &create->machine;

	return create_shares(create) ? create_fill_share(create, machine->dir, machine->dir_fd, err)
				     : 0;
}

int step_attach(struct create *create, struct error *err)
{
	struct client_wait wait = create_wait(create);
	int ret = attach_open_streams(&create->rec, &create->client, &wait, create->token, err);

	create->machine.pidfd = wait.abort_fd;
	create->client.interrupt_fd = create->request->interrupt_fd;
	return ret;
}

/* A machine that stays as it is holds the limits of all; they only come into force together. */
int step_grow(struct create *create, struct error *err)
{
	const struct record_state *state = &create->rec.state;
	const struct size_limits limits = { state->cpu_millis, state->limit_mib };
	const struct client_wait wait = create_wait(create);
	const char *root = create->request->root;
	auto_record struct record sandbox = RECORD_INIT;
	struct error why = { 0 };
	struct size_limits sum;
	const char *text;
	int ret;

	if (limits.cpu_millis == 0 && limits.memory_mib == 0)
		return 0;
	ret = record_open_machine(&sandbox, root, create->sandbox_id, err);
	if (ret == 0)
		ret = grow_sum(&sandbox, root, state->id, &limits, &sum, err);
	if (ret < 0 || grow_machine(&sandbox, &sum, &create->client, &wait, &why) == 0)
		return ret;
	if (why.code == -EINTR)
		return err_msg(err, why.code, "%s", why.text);
	text = arena_printf(&create->arena,
			    "linux.resources: the pod's limits are more than its "
			    "virtual machine has: %s",
			    why.text);
	return text ? create_tell_unapplied(create, &text, 1, err)
		    : err_set(err, -ENOMEM, "grow the virtual machine");
}

/* Takes it out of the guest, whatever is left of it there. */
static int leave_guest(const struct record *rec)
{
	const char *id = rec->state.id;
	const struct call_signalprocess kill = {
		.container = id, .process = "init", .signal = SIGKILL, .all = true
	};
	const struct call_waitprocess end = { .container = id, .timeout_ms = LEAVE_WAIT_MS };
	const struct agent_request await = { .code = CALL_WAITPROCESS,
					     .type = &call_waitprocess_type,
					     .body = &end };
	const struct call_container body = { .container = id };
	struct client_wait wait = { .deadline_ms = clock_now_ms() + LEAVE_TIMEOUT_MS,
				    .abort_fd = -1 };
	auto_client struct client client = { .fd = -1, .interrupt_fd = -1 };
	struct error err = { 0 };
	int ret = attach_open(rec, &client, &wait, &err);

	if (ret == 0 && agent_call(&client, CALL_SIGNALPROCESS, NULL, &call_signalprocess_type,
				   &kill, &wait, &err) == 0)
		(void)!agent_ask(&client, &await, &wait, NULL, &err);
	if (ret == 0)
		ret = agent_call(&client, CALL_REMOVECONTAINER, NULL, &call_container_type, &body,
				 &wait, &err);
	attach_done(&wait);
	if (ret < 0)
		log_debug("take '%s' out of its sandbox: %s", id, err.text);
	return ret;
}

/* The VMM alone has what is mounted there: whoever removes a mount point that is none for him takes
 * the mount along. */
static void leave_share(const struct record *rec)
{
	static const char *const shares[] = { FILE_MACHINE_LINK "/" MACHINE_SHARE, MACHINE_SHARE };

	for (size_t i = 0; i < sizeof(shares) / sizeof(shares[0]); i++) {
		auto_close int fd =
			openat(rec->sandbox_fd, shares[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		int ret = fd < 0 ? 0 : fs_remove_tree_at(fd, rec->state.id);

		if (ret < 0)
			log_warning("remove '%s/%s/%s': %s", rec->sandbox_path, shares[i],
				    rec->state.id, strerror(-ret));
	}
}

void undo_join(struct record *rec)
{
	if (rec->sandbox_fd < 0)
		return;
	/* what the guest still has is not the host's to write to */
	if (proc_is_alive(&rec->state.vmm) && leave_guest(rec) < 0 &&
	    proc_is_alive(&rec->state.vmm) && unlinkat(rec->dir_fd, LOAN_FILE, 0) == 0)
		log_warning("the root file system of '%s' stays read-only on the host: its "
			    "virtual machine may still write to it",
			    rec->state.id);
	leave_share(rec);
	pod_remove(rec);
}
