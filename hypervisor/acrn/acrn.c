#include "hypervisor/acrn/acrn.h"

#include <unistd.h>

#include "hypervisor/acrn/acrn_internal.h"
#include "hypervisor/acrn/argv.h"
#include "hypervisor/acrn/disks.h"
#include "hypervisor/acrn/host.h"

static bool acrn_fits_host(struct error *why_not)
{
	const char *device;

	return platform_is_acrn(&acrn_host, why_not) &&
	       platform_find_device(&acrn_host, NULL, &device, why_not) == 0;
}

const struct hypervisor_ops acrn_ops = {
	.name = ACRN_TABLE,
	.caps = HV_CAP_BLOCK_HOTPLUG | HV_CAP_LOSSY_CHANNEL,
	.check = acrn_check,
	.check_host = acrn_check_host,
	.try_create = acrn_try_create,
	.argv = acrn_argv,
	.launch = acrn_launch,
	.stop = acrn_stop,
	.fits_host = acrn_fits_host,
	.add_disk = acrn_add_disk,
};
