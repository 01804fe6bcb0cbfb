#include "runtime/sandbox/sandbox.h"

#include <errno.h>
#include <signal.h>
#include "base/log.h"
#include "runtime/sandbox/copyback.h"
#include "runtime/sandbox/create_internal.h"
#include "runtime/sandbox/hooks.h"
#include "runtime/sandbox/kill_internal.h"
#include "runtime/sandbox/leftovers.h"
#include "runtime/sandbox/pod.h"
#include "runtime/sandbox/steps.h"
#include "runtime/sandbox/store.h"

enum { EXIT_TIMEOUT_MS = 3000 };

/* Ends a container that still has a process in the way that lets its shim report the death as the
 * guest saw it. */
static void end_container(struct record *rec)
{
	struct error err = { 0 };
	int ret = kill_by_agent(rec, SIGKILL, true, &err);

	if (ret == 0)
		ret = proc_wait_gone(&rec->state.shim, EXIT_TIMEOUT_MS);
	if (ret < 0)
		log_debug("delete: the agent could not end the container (%s)", err.text);
}

/* The containers in a machine end with it: not before they have stopped, unless by force. */
static int end_members(struct record *rec, const char *root, bool force, struct error *err)
{
	auto_arena struct arena arena = { 0 };
	struct json_strs ids;
	int ret = pod_list(rec, root, &arena, &ids, err);

	for (size_t i = 0; ret == 0 && i < ids.len; i++) {
		auto_record struct record member = RECORD_INIT;
		enum oci_status status;

		if (record_peek(&member, root, ids.items[i], NULL) < 0)
			continue;
		status = record_status(&member.state);
		if (status == OCI_STATUS_STOPPED)
			continue;
		if (!force)
			return err_msg(
				err, -EBUSY,
				"cannot delete container %s: container %s, which runs in its "
				"virtual machine, is not stopped: %s",
				rec->state.id, ids.items[i], oci_status_name((int)status));
		/* Without its lock, which a create or start has that may hang. */
		if (status == OCI_STATUS_CREATING)
			(void)!proc_signal(&member.state.creator, SIGKILL);
		undo_shim(&member);
	}
	return force ? 0 : ret;
}

static int delete_opened(struct record *rec, const char *root, bool force, struct error *err)
{
	enum oci_status status = record_status(&rec->state);
	struct oci_state state;
	int ret;

	if (status != OCI_STATUS_STOPPED && status != OCI_STATUS_CREATED && !force)
		return err_msg(err, -EBUSY, "cannot delete container %s that is not stopped: %s",
			       rec->state.id, oci_status_name((int)status));
	ret = end_members(rec, root, force, err);
	if (ret < 0)
		return ret;
	/*
	 * The machine is ended as it stands: what the container has written to shared directories
	 * is on the host already, by each write(2), and by the end of the process for a shared
	 * mapping.
	 */
	if (status != OCI_STATUS_STOPPED && rec->state.status != OCI_STATUS_CREATING &&
	    !rec->state.checkpointing)
		end_container(rec);
	ret = copyback_all(rec, err);
	if (ret < 0 && !force)
		return ret;
	if (ret < 0)
		log_warning("%s", err->text);
	record_to_oci_state(&rec->state, NULL, &state);
	ret = sandbox_undo(rec, err);
	if (ret == 0)
		hooks_run_poststop(rec->state.hooks, &state);
	return ret;
}

/* A create that hangs holds the lock: it is ended first, and what it has made is undone below. */
static void end_creator(const char *root, const char *id)
{
	auto_record struct record rec = RECORD_INIT;

	if (record_peek(&rec, root, id, NULL) < 0 ||
	    record_status(&rec.state) != OCI_STATUS_CREATING)
		return;
	if (proc_signal(&rec.state.creator, SIGKILL) == 0)
		(void)!proc_wait_gone(&rec.state.creator, EXIT_TIMEOUT_MS);
}

/* Was a state read that is damaged? One that could not be read may be whole the next time. */
static bool is_damaged(const struct record *rec, int ret)
{
	return rec->dir_fd >= 0 &&
	       (ret == -EINVAL || ret == -E2BIG || ret == -EFBIG || ret == -EPROTO);
}

int sandbox_delete(const char *root, const char *id, bool force, struct error *err)
{
	auto_record struct record rec = RECORD_INIT;
	int ret;

	if (force)
		end_creator(root, id);
	ret = record_open(&rec, root, id, err);
	if (ret == -ENOENT && force)
		return 0;
	if (ret == 0)
		return delete_opened(&rec, root, force, err);
	if (ret != -ENODATA && (!force || !is_damaged(&rec, ret)))
		return ret;
	if (ret != -ENODATA && err)
		log_warning("%s; ending what belongs to it", err->text);
	/* The state does not say which processes there are: their command lines do. */
	leftovers_end(rec.dir_path);
	return sandbox_undo(&rec, err);
}
