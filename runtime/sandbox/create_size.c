/* How large a machine a container wants: what the configuration gives everyone, and more where the
 * limits of config.json ask for more, or those of the pod do and the machine could not grow. */
#include "runtime/sandbox/create_internal.h"

#include "runtime/sandbox/size.h"

void create_size(struct create *create)
{
	struct size_limits limits = { create->rec.state.cpu_millis, create->rec.state.limit_mib };
	struct machine *machine = &create->machine;

	if (!(machine->hypervisor->caps & HV_CAP_MEMORY_HOTPLUG))
		size_read_hints(&create->spec.annotations, &limits);
	create->wanted_vcpus = size_vcpus(&limits, machine->vcpus);
	create->wanted_memory_mib = size_memory_mib(&limits, machine->memory_mib);
}
