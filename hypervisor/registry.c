#include "hypervisor/hypervisor.h"

#include <string.h>

#include "hypervisor/qemu/qemu.h"

/* Best first: the default is the first one that can run here at all. */
static const struct hypervisor_ops *const backends[] = {
	&qemu_ops,
};

enum { N_BACKENDS = sizeof(backends) / sizeof(backends[0]) };

const struct hypervisor_ops *hypervisor_at(unsigned i)
{
	return i < N_BACKENDS ? backends[i] : NULL;
}

const struct hypervisor_ops *hypervisor_find(const char *name)
{
	for (unsigned i = 0; i < N_BACKENDS; i++)
		if (!strcmp(backends[i]->name, name))
			return backends[i];
	return NULL;
}

const struct hypervisor_ops *hypervisor_default(void)
{
	return backends[0];
}
