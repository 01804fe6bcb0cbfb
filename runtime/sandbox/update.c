#include "runtime/sandbox/control.h"

#include <errno.h>
#include "agent/proto/calls_control.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/sock.h"
#include "hypervisor/hypervisor.h"
#include "runtime/agent_client/agent.h"
#include "runtime/factory/machine.h"
#include "runtime/sandbox/attach.h"
#include "runtime/sandbox/size.h"
#include "runtime/sandbox/store.h"

enum { UPDATE_TIMEOUT_MS = 30000 };

/* Of a machine out of the VM cache, the files are behind a link. */
static int connect_control(const struct record *rec)
{
	int fd = sock_connect_at(rec->dir_fd, "machine/" MACHINE_CONTROL_SOCKET);

	return fd == -ENOENT ? sock_connect_at(rec->dir_fd, MACHINE_CONTROL_SOCKET) : fd;
}

/* Plugs in what is missing; what has come is in the state whatever follows. */
static int plug(struct record *rec, uint32_t vcpus, uint32_t memory_mib, struct error *err)
{
	const struct hypervisor_ops *ops = hypervisor_find(rec->state.hypervisor);
	const struct vm vm = { .vmm = rec->state.vmm };
	struct record_state *state = &rec->state;
	uint32_t added = 0;
	int ret = 0;

	if (!ops)
		return err_msg(err, -EINVAL, "the hypervisor '%s' is not known here",
			       rec->state.hypervisor ? rec->state.hypervisor : "");
	if (vcpus > state->vcpus) {
		if (!(ops->caps & HV_CAP_CPU_HOTPLUG))
			return err_msg(err, -ENOTSUP, "%s cannot add vCPUs to a running machine",
				       ops->name);
		ret = ops->add_cpus(&vm, connect_control(rec), vcpus - state->vcpus, &added, err);
		state->vcpus += added;
	}
	added = 0;
	if (ret == 0 && memory_mib > state->memory_mib) {
		if (!(ops->caps & HV_CAP_MEMORY_HOTPLUG))
			return err_msg(err, -ENOTSUP, "%s cannot add memory to a running machine",
				       ops->name);
		ret = ops->add_memory(&vm, connect_control(rec), memory_mib - state->memory_mib,
				      &added, err);
		state->memory_mib += added;
	}
	return ret;
}

static int grow(struct record *rec, struct client *client, const struct client_wait *wait,
		const struct oci_linux_resources *resources, struct error *err)
{
	struct record_state *state = &rec->state;
	uint32_t vcpus = size_vcpus(resources, state->vcpus);
	uint32_t memory_mib = size_memory_mib(resources, state->memory_mib);
	uint32_t had_vcpus = state->vcpus, had_memory_mib = state->memory_mib;
	struct error save_err = { 0 };
	int ret;

	/* a state of an older acrun does not tell */
	if (had_vcpus == 0 || (vcpus <= had_vcpus && memory_mib <= had_memory_mib))
		return 0;
	ret = plug(rec, vcpus, memory_mib, err);
	if ((state->vcpus != had_vcpus || state->memory_mib != had_memory_mib) &&
	    record_save(rec, &save_err) < 0)
		log_warning("%s", save_err.text);
	if (ret == 0)
		ret = agent_online(client, state->vcpus, state->memory_mib, wait, err);
	return ret < 0 ? err_ctx(err, "grow the virtual machine to %u vCPUs and %u MiB", vcpus,
				 memory_mib)
		       : 0;
}

static int update_guest(struct client *client, const struct client_wait *wait, const char *id,
			const struct oci_linux_resources *resources, struct error *err)
{
	const struct call_updatecontainer body = { .container = id, .resources = *resources };

	return agent_call(client, CALL_UPDATECONTAINER, NULL, &call_updatecontainer_type, &body,
			  wait, err);
}

int sandbox_update(const char *root, const char *id, const struct oci_linux_resources *resources,
		   struct error *err)
{
	struct client_wait wait = { .deadline_ms = clock_now_ms() + UPDATE_TIMEOUT_MS,
				    .abort_fd = -1 };
	auto_client struct client client = { .fd = -1, .interrupt_fd = -1 };
	auto_record struct record rec = RECORD_INIT;
	enum oci_status status;
	int ret = record_open(&rec, root, id, err);

	if (ret < 0)
		return ret;
	status = record_status(&rec.state);
	if (status == OCI_STATUS_STOPPED || status == OCI_STATUS_CREATING)
		return err_msg(err, -EINVAL, "container not running");
	ret = attach_open(&rec, &client, &wait, err);
	if (ret == 0)
		ret = grow(&rec, &client, &wait, resources, err);
	if (ret == 0)
		ret = update_guest(&client, &wait, id, resources, err);
	attach_done(&wait);
	return ret;
}
