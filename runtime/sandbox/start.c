#include "runtime/sandbox/sandbox.h"

#include <errno.h>
#include <signal.h>
#include "base/clock.h"
#include "runtime/agent_client/original.h"
#include "runtime/sandbox/attach.h"
#include "runtime/sandbox/hooks.h"
#include "runtime/sandbox/network.h"
#include "runtime/sandbox/store.h"
#include "runtime/sandbox/timing.h"

enum { START_TIMEOUT_MS = 60000, GONE_TIMEOUT_MS = 5000 };

static int check_status(const struct record *rec, struct error *err)
{
	enum oci_status status = record_status(&rec->state);

	switch (status) {
	case OCI_STATUS_CREATED:
		return 0;
	case OCI_STATUS_STOPPED:
		return err_msg(err, -EINVAL, "cannot start a container that has stopped");
	case OCI_STATUS_RUNNING:
		return err_msg(err, -EINVAL, "cannot start an already running container");
	default:
		return err_msg(err, -EINVAL, "cannot start a container in the %s state",
			       oci_status_name((int)status));
	}
}

/* A container whose start failed is a stopped one. */
static void stop_shim(struct record *rec)
{
	if (proc_signal(&rec->state.shim, SIGKILL) == 0)
		(void)!proc_wait_gone(&rec->state.shim, GONE_TIMEOUT_MS);
}

static int start_process(struct record *rec, struct error *err)
{
	const struct call_container body = { .container = rec->state.id };
	struct client_wait wait = { .deadline_ms = clock_now_ms() + START_TIMEOUT_MS,
				    .abort_fd = -1 };
	auto_client struct client client = { .fd = -1 };
	int ret = attach_open(rec, &client, &wait, err);

	if (ret == 0 && client.dialect != AGENT_ACRUN)
		ret = original_start_held(rec->dir_fd, &client, &wait, err);
	else if (ret == 0)
		ret = agent_call(&client, CALL_STARTCONTAINER, NULL, &call_container_type, &body,
				 &wait, err);
	attach_done(&wait);
	if (ret < 0) {
		stop_shim(rec);
		return err_ctx(err, "unable to start container process");
	}
	return 0;
}

/* Interfaces that have come since create, or changed. */
static int phase_network(struct record *rec, struct error *err)
{
	int ret = network_update(rec, err);

	if (ret < 0)
		stop_shim(rec);
	return ret;
}

/* Whatever becomes of us after this, a running container is never taken for a created one. */
static int phase_state(struct record *rec, struct error *err)
{
	int ret = check_status(rec, err);

	if (ret < 0)
		return ret;
	rec->state.status = OCI_STATUS_RUNNING;
	return record_save(rec, err);
}

static int phase_hooks(struct record *rec, struct error *err)
{
	struct oci_state state;
	int ret;

	if (!rec->state.hooks)
		return 0;
	record_to_oci_state(&rec->state, NULL, &state);
	/* A hook may call us for its own container. */
	record_unlock(rec);
	ret = hooks_run("poststart", &rec->state.hooks->poststart, &state, err);
	if (ret < 0)
		stop_shim(rec);
	return ret;
}

static int start_opened(struct record *rec, struct error *err)
{
	static const struct {
		const char *name;
		int (*run)(struct record *rec, struct error *err);
	} phases[] = {
		{ "state", phase_state },
		{ "network", phase_network },
		{ "process", start_process },
		{ "hooks", phase_hooks },
	};

	timing_keep(rec->dir_fd, false);
	for (size_t i = 0; i < sizeof(phases) / sizeof(phases[0]); i++) {
		int64_t begun = clock_now_us();
		int ret = phases[i].run(rec, err);

		timing_phase(phases[i].name, begun, ret);
		if (ret < 0)
			return ret;
	}
	return 0;
}

int sandbox_start(const char *root, const char *id, struct error *err)
{
	auto_record struct record rec = RECORD_INIT;
	int64_t begun = timing_begin("start", id);
	int ret = record_open(&rec, root, id, err);

	timing_phase("open", begun, ret);
	if (ret == 0)
		ret = start_opened(&rec, err);
	timing_end(ret);
	return ret;
}
