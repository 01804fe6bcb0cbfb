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

/* The containers in a machine end with it. */
static void end_members(struct record *rec, const char *root)
{
	auto_arena struct arena arena = { 0 };
	struct json_strs ids;

	if (pod_list(rec, root, &arena, &ids, NULL) < 0)
		return;
	for (size_t i = 0; i < ids.len; i++) {
		auto_record struct record member = RECORD_INIT;
		enum oci_status status;

		if (record_peek(&member, root, ids.items[i], NULL) < 0)
			continue;
		status = record_status(&member.state);
		if (status == OCI_STATUS_STOPPED)
			continue;
		/* Without its lock, which a create or start has that may hang. */
		if (status == OCI_STATUS_CREATING)
			(void)!proc_signal(&member.state.creator, SIGKILL);
		undo_shim(&member);
	}
}

static bool is_used(const struct record *rec, const char *root)
{
	auto_arena struct arena arena = { 0 };
	struct error err = { 0 };
	enum oci_status status;
	const char *id;
	int ret = pod_find_running(rec, root, &arena, &id, &status, &err);

	if (ret < 0)
		log_warning("%s", err.text);
	return ret == 0 && id;
}

/* The container goes, its machine stays for the others: the last of them ends it. */
static int leave_machine(struct record *rec, struct error *err)
{
	const struct oci_hooks *hooks = rec->state.hooks;
	struct oci_state state;
	int ret;

	record_to_oci_state(&rec->state, NULL, &state);
	rec->state.hooks = NULL;
	rec->state.deleted = true;
	ret = record_save(rec, err);
	if (ret == 0)
		hooks_run_poststop(hooks, &state);
	return ret;
}

static int end_machine(struct record *rec, struct error *err)
{
	const struct oci_hooks *hooks = rec->state.hooks;
	struct oci_state state;
	int ret;

	record_to_oci_state(&rec->state, NULL, &state);
	ret = sandbox_undo(rec, err);
	if (ret == 0)
		hooks_run_poststop(hooks, &state);
	return ret;
}

static int delete_opened(struct record *rec, const char *root, bool force, struct error *err)
{
	enum oci_status status = record_status(&rec->state);
	int ret;

	if (status != OCI_STATUS_STOPPED && status != OCI_STATUS_CREATED && !force)
		return err_msg(err, -EBUSY, "cannot delete container %s that is not stopped: %s",
			       rec->state.id, oci_status_name((int)status));
	if (force)
		end_members(rec, root);
	/*
	 * The machine is ended as it stands: what the container has written to shared directories
	 * is on the host already, by each write(2), and by the end of the process for a shared
	 * mapping.
	 */
	if (status != OCI_STATUS_STOPPED && rec->state.status != OCI_STATUS_CREATING)
		end_container(rec);
	ret = copyback_all(rec, err);
	if (ret < 0 && !force)
		return ret;
	if (ret < 0)
		log_warning("%s", err->text);
	return !force && is_used(rec, root) ? leave_machine(rec, err) : end_machine(rec, err);
}

/* Of a container that was deleted while others ran in its machine: there may be none any more. */
static int release_machine(const char *root, const char *id, struct error *err)
{
	auto_record struct record rec = RECORD_INIT;
	int ret = record_open_machine(&rec, root, id, NULL);

	if (ret < 0 || !rec.state.deleted || is_used(&rec, root))
		return 0;
	ret = sandbox_undo(&rec, err);
	return ret < 0 ? err_ctx(err, "end the virtual machine of '%s', which was deleted", id) : 0;
}

static int delete_one(struct record *rec, const char *root, bool force, struct error *err)
{
	bool is_member = record_is_member(&rec->state);
	int ret = delete_opened(rec, root, force, err);

	return ret == 0 && is_member ? release_machine(root, rec->state.sandbox_id, err) : ret;
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
	if (ret == -ENOENT && force) {
		record_done(&rec);
		return release_machine(root, id, err);
	}
	if (ret == 0)
		return delete_one(&rec, root, force, err);
	if (ret != -ENODATA && (!force || !is_damaged(&rec, ret)))
		return ret;
	if (ret != -ENODATA && err)
		log_warning("%s; ending what belongs to it", err->text);
	/* The state does not say which processes there are: their command lines do. */
	leftovers_end(rec.dir_path);
	return sandbox_undo(&rec, err);
}
