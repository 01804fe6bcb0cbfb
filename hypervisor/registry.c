#include "hypervisor/hypervisor.h"

#include <string.h>

#include "hypervisor/acrn/acrn.h"
#include "hypervisor/qemu/qemu.h"

/* Best first: the default is the first one that is fit for the host. The last is fit for any. */
static const struct hypervisor_ops *const backends[] = {
	&acrn_ops,
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
	unsigned i = 0;

	while (i < N_BACKENDS - 1 && backends[i]->fits_host && !backends[i]->fits_host(NULL))
		i++;
	return backends[i];
}
