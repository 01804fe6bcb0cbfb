#include "runtime/sandbox/control.h"

#include <errno.h>
#include "agent/proto/calls_control.h"
#include "base/clock.h"
#include "runtime/agent_client/agent.h"
#include "runtime/cgroup/cgroup.h"
#include "runtime/sandbox/attach.h"
#include "runtime/sandbox/grow.h"
#include "runtime/sandbox/store.h"

enum { UPDATE_TIMEOUT_MS = 30000 };

static int grow_other(const struct record *rec, const char *root, const struct size_limits *limits,
		      struct client *client, const struct client_wait *wait, struct error *err)
{
	auto_record struct record sandbox = RECORD_INIT;
	struct size_limits sum;
	int ret = record_open_machine(&sandbox, root, rec->state.sandbox_id, err);

	if (ret == 0)
		ret = grow_sum(&sandbox, root, rec->state.id, limits, &sum, err);
	return ret < 0 ? ret : grow_machine(&sandbox, &sum, client, wait, err);
}

/* What the container asks for is in the state, to be saved once it is in force. */
static int grow(struct record *rec, const char *root, const struct oci_linux_resources *resources,
		struct client *client, const struct client_wait *wait, struct error *err)
{
	struct record_state *state = &rec->state;
	struct size_limits limits = { state->cpu_millis, state->limit_mib };
	struct size_limits sum;
	int ret;

	size_read(resources, &limits);
	if (record_is_member(state)) {
		ret = grow_other(rec, root, &limits, client, wait, err);
	} else {
		ret = grow_sum(rec, root, state->id, &limits, &sum, err);
		if (ret == 0)
			ret = grow_machine(rec, &sum, client, wait, err);
	}
	state->cpu_millis = limits.cpu_millis;
	state->limit_mib = limits.memory_mib;
	return ret;
}

static int update_guest(struct client *client, const struct client_wait *wait, const char *id,
			const struct oci_linux_resources *resources, struct error *err)
{
	const struct call_updatecontainer body = { .container = id, .resources = *resources };

	return agent_call(client, CALL_UPDATECONTAINER, NULL, &call_updatecontainer_type, &body,
			  wait, err);
}

/* The machine first, then the host's cgroup, which is wide enough for it whatever follows and may
 * refuse: then the guest still has what it had. */
static int apply(struct record *rec, const char *root, const struct oci_linux_resources *resources,
		 struct error *err)
{
	struct client_wait wait = { .deadline_ms = clock_now_ms() + UPDATE_TIMEOUT_MS,
				    .abort_fd = -1 };
	auto_client struct client client = { .fd = -1, .interrupt_fd = -1 };
	struct record_state *state = &rec->state;
	int ret = attach_open(rec, &client, &wait, err);

	if (ret == 0)
		ret = grow(rec, root, resources, &client, &wait, err);
	if (ret == 0)
		ret = cgroup_limit(&state->cgroups, resources, state->memory_mib, err);
	if (ret == 0)
		ret = update_guest(&client, &wait, state->id, resources, err);
	if (ret == 0)
		ret = record_save(rec, err);
	attach_done(&wait);
	return ret;
}

int sandbox_update(const char *root, const char *id, const struct oci_linux_resources *resources,
		   struct error *err)
{
	struct oci_linux_resources whole = *resources;
	struct oci_cpu cpu = resources->cpu ? *resources->cpu : (struct oci_cpu){ 0 };
	auto_record struct record rec = RECORD_INIT;
	enum oci_status status;
	int ret = record_open(&rec, root, id, err);

	if (ret < 0)
		return ret;
	status = record_status(&rec.state);
	if (status == OCI_STATUS_STOPPED || status == OCI_STATUS_CREATING)
		return err_msg(err, -EINVAL, "container not running");
	if (resources->cpu) {
		size_complete_quota(&cpu, &rec.state.cpu_quota_us, &rec.state.cpu_period_us);
		whole.cpu = &cpu;
	}
	return apply(&rec, root, &whole, err);
}
