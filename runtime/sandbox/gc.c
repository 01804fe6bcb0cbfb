#include "runtime/sandbox/gc.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include "runtime/sandbox/orphans.h"
#include "runtime/sandbox/pod.h"
#include "runtime/sandbox/sandbox.h"
#include "runtime/sandbox/store.h"

/* Does a command work on it right now? */
static bool is_locked(const struct record *rec)
{
	if (flock(rec->dir_fd, LOCK_EX | LOCK_NB) < 0)
		return true;
	(void)flock(rec->dir_fd, LOCK_UN);
	return false;
}

/* In the machine of another container, which is there: its delete is for that one's owner to do. */
static bool is_in_pod(const struct gc_request *request, const struct record_state *state)
{
	auto_record struct record sandbox = RECORD_INIT;
	struct error ignored;

	return state->sandbox_id && strcmp(state->sandbox_id, state->id) != 0 &&
	       record_peek_machine(&sandbox, request->root, state->sandbox_id, &ignored) == 0;
}

/* By a container that runs in its machine. */
static bool is_used(const struct gc_request *request, const struct record *rec)
{
	auto_arena struct arena arena = { 0 };
	enum oci_status status;
	const char *id;

	return pod_find_running(rec, request->root, &arena, &id, &status, NULL) < 0 || id;
}

static bool has_process(const struct record_state *state)
{
	return proc_is_alive(&state->vmm) || proc_is_alive(&state->proxy) ||
	       proc_is_alive(&state->shim);
}

/* Why it is to go; NULL: it stays. `ret` is what reading its state has given. */
static const char *judge(const struct gc_request *request, const struct record *rec, int ret)
{
	if (ret == -ENOENT || rec->dir_fd < 0 || is_locked(rec))
		return NULL;
	if (ret == -ENODATA)
		return "its create was killed before it wrote a state";
	if (ret == -EPROTO)
		return NULL; /* of another release, which may be in use */
	if (ret < 0)
		return "its state cannot be read";
	if (record_status(&rec->state) != OCI_STATUS_STOPPED || is_used(request, rec))
		return NULL;
	if (rec->state.deleted)
		return "the last container in its machine is gone";
	if (rec->state.status == OCI_STATUS_CREATING)
		return "its create was killed";
	if (!has_process(&rec->state) && !is_in_pod(request, &rec->state))
		return "its machine is gone";
	return request->stopped ? "it has stopped" : NULL;
}

static int collect(const struct gc_request *request, const char *id, struct error *err)
{
	const char *why;
	int ret;

	{
		auto_record struct record rec = RECORD_INIT;
		struct error unreadable;

		ret = record_peek_machine(&rec, request->root, id, &unreadable);
		why = judge(request, &rec, ret);
	}
	if (!why)
		return 0;
	request->tell(request->arg, id, why);
	return request->dry_run ? 0 : sandbox_delete(request->root, id, true, err);
}

static void tell_orphan(const void *arg, const char *id)
{
	const struct gc_request *request = arg;

	request->tell(request->arg, id, "its processes have outlived its directory");
}

int gc_run(const struct gc_request *request, unsigned *n_failed, struct error *err)
{
	auto_arena struct arena arena = { 0 };
	struct json_strs ids;
	int ret = store_list(request->root, &arena, &ids, err);

	*n_failed = 0;
	if (ret < 0 && ret != -ENOENT)
		return ret;
	for (size_t i = 0; ret == 0 && i < ids.len; i++)
		if (collect(request, ids.items[i], err) < 0)
			(*n_failed)++;
	orphans_end(request->root, request->dry_run, tell_orphan, request);
	return 0;
}
