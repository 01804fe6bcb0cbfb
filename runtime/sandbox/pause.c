#include "runtime/sandbox/control.h"

#include <errno.h>
#include <string.h>
#include "base/clock.h"
#include "base/log.h"
#include "runtime/agent_client/agent.h"
#include "runtime/sandbox/attach.h"
#include "runtime/sandbox/checkpoint_internal.h"
#include "runtime/sandbox/store.h"

enum { PAUSE_TIMEOUT_MS = 15000 };

int pause_ask_agent(struct record *rec, enum call_code code, struct error *err)
{
	const struct call_container body = { .container = rec->state.id };
	struct client_wait wait = { .deadline_ms = clock_now_ms() + PAUSE_TIMEOUT_MS,
				    .abort_fd = -1 };
	auto_client struct client client = { .fd = -1, .interrupt_fd = -1 };
	int ret = attach_open(rec, &client, &wait, err);

	if (ret == 0)
		ret = agent_call(&client, code, NULL, &call_container_type, &body, &wait, err);
	attach_done(&wait);
	return ret;
}

static int save_status(struct record *rec, enum oci_status status, struct error *err)
{
	rec->state.status = (int)status;
	return record_save(rec, err);
}

/* "paused" is on disk before the guest is: killed between the two, the container can be resumed. */
int sandbox_pause(const char *root, const char *id, struct error *err)
{
	auto_record struct record rec = RECORD_INIT;
	struct error undo_err = { 0 };
	enum oci_status status;
	int ret = record_open(&rec, root, id, err);

	if (ret < 0)
		return ret;
	status = record_status(&rec.state);
	if (status != OCI_STATUS_RUNNING && status != OCI_STATUS_CREATED)
		return err_msg(err, -EINVAL, "container not running");
	rec.state.paused_created = status == OCI_STATUS_CREATED;
	ret = save_status(&rec, OCI_STATUS_PAUSED, err);
	if (ret < 0)
		return ret;
	ret = pause_ask_agent(&rec, CALL_PAUSECONTAINER, err);
	if (ret == 0)
		return 0;
	if (save_status(&rec, status, &undo_err) < 0)
		log_warning("%s", undo_err.text);
	return err_ctx(err, "unable to freeze");
}

/* A pause that was killed before it reached the guest leaves nothing to resume there. */
bool pause_was_running(int ret, const struct error *err)
{
	return ret == -EREMOTEIO && strstr(err->text, "container not paused");
}

int sandbox_resume(const char *root, const char *id, struct error *err)
{
	auto_record struct record rec = RECORD_INIT;
	int ret = record_open(&rec, root, id, err);

	if (ret < 0)
		return ret;
	if (record_status(&rec.state) != OCI_STATUS_PAUSED)
		return err_msg(err, -EINVAL, "container not paused");
	ret = rec.state.checkpointing ? checkpoint_let_go(&rec, err) : 0;
	if (ret == 0)
		ret = pause_ask_agent(&rec, CALL_RESUMECONTAINER, err);
	if (ret < 0 && !pause_was_running(ret, err))
		return err_ctx(err, "unable to thaw");
	err_clear(err);
	rec.state.checkpointing = false;
	return save_status(&rec, rec.state.paused_created ? OCI_STATUS_CREATED : OCI_STATUS_RUNNING,
			   err);
}
