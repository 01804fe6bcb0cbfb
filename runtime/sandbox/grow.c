#include "runtime/sandbox/grow.h"

#include <errno.h>
#include <string.h>
#include "base/log.h"
#include "hypervisor/hypervisor.h"
#include "runtime/agent_client/agent.h"
#include "runtime/cgroup/cgroup.h"
#include "runtime/sandbox/attach.h"
#include "runtime/sandbox/pod.h"

static void add_state(struct size_limits *sum, const struct record_state *state)
{
	const struct size_limits limits = { state->cpu_millis, state->limit_mib };

	if (record_status(state) != OCI_STATUS_STOPPED)
		size_add(sum, &limits);
}

int grow_sum(const struct record *sandbox, const char *root, const char *id,
	     const struct size_limits *limits, struct size_limits *sum, struct error *err)
{
	auto_arena struct arena arena = { 0 };
	struct json_strs ids;
	int ret = pod_list(sandbox, root, &arena, &ids, err);

	*sum = *limits;
	if (ret < 0)
		return ret;
	if (strcmp(sandbox->state.id, id) != 0)
		add_state(sum, &sandbox->state);
	for (size_t i = 0; i < ids.len; i++) {
		auto_record struct record rec = RECORD_INIT;

		if (strcmp(ids.items[i], id) != 0 &&
		    record_peek(&rec, root, ids.items[i], NULL) == 0)
			add_state(sum, &rec.state);
	}
	return 0;
}

/* Fewer CPUs than a quota could keep busy make a container slower, not wrong. */
static int plug_cpus(struct record *rec, const struct hypervisor_ops *ops, uint32_t vcpus,
		     struct error *err)
{
	const struct vm vm = { .vmm = rec->state.vmm };
	struct error why = { 0 };
	uint32_t added = 0;
	int ret;

	if (ops->caps & HV_CAP_CPU_HOTPLUG)
		ret = ops->add_cpus(&vm, attach_connect_control(rec), vcpus - rec->state.vcpus,
				    &added, &why);
	else
		ret = err_msg(&why, -ENOTSUP, "%s cannot add vCPUs to a running machine",
			      ops->name);
	rec->state.vcpus += added;
	if (ret == -EINTR)
		return err_msg(err, ret, "%s", why.text);
	if (ret < 0)
		log_warning("the limits ask for %u vCPUs, the virtual machine keeps %u: %s "
			    "(%s makes room)",
			    vcpus, rec->state.vcpus, why.text,
			    ops->caps & HV_CAP_CPU_HOTPLUG ? "default_maxvcpus" : "default_vcpus");
	return 0;
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
	if (vcpus > state->vcpus)
		ret = plug_cpus(rec, ops, vcpus, err);
	if (ret == 0 && memory_mib > state->memory_mib) {
		if (!(ops->caps & HV_CAP_MEMORY_HOTPLUG))
			return err_msg(err, -ENOTSUP, "%s cannot add memory to a running machine",
				       ops->name);
		ret = ops->add_memory(&vm, attach_connect_control(rec),
				      memory_mib - state->memory_mib, &added, err);
		state->memory_mib += added;
	}
	return ret;
}

int grow_machine(struct record *sandbox, const struct size_limits *sum, struct client *client,
		 const struct client_wait *wait, struct error *err)
{
	struct record_state *state = &sandbox->state;
	uint32_t vcpus = size_vcpus(sum, state->vcpus);
	uint32_t memory_mib = size_memory_mib(sum, state->memory_mib);
	uint32_t had_vcpus = state->vcpus, had_memory_mib = state->memory_mib;
	struct error save_err = { 0 };
	int ret;

	/* a state of an older acrun does not tell */
	if (had_vcpus == 0 || (vcpus <= had_vcpus && memory_mib <= had_memory_mib))
		return 0;
	ret = cgroup_make_room(&state->cgroups, memory_mib, err);
	if (ret == 0)
		ret = plug(sandbox, vcpus, memory_mib, err);
	if ((state->vcpus != had_vcpus || state->memory_mib != had_memory_mib) &&
	    record_save(sandbox, &save_err) < 0)
		log_warning("%s", save_err.text);
	if (ret == 0)
		ret = agent_online(client, state->vcpus, state->memory_mib, wait, err);
	return ret < 0 ? err_ctx(err, "grow the virtual machine to %u vCPUs and %u MiB", vcpus,
				 memory_mib)
		       : 0;
}
