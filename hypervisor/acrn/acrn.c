#include "hypervisor/acrn/acrn.h"

#include <unistd.h>

#include "hypervisor/acrn/acrn_internal.h"
#include "hypervisor/acrn/argv.h"
#include "hypervisor/acrn/disks.h"

static bool acrn_fits_host(void)
{
	const char *device;

	return platform_is_acrn(&acrn_host) &&
	       platform_find_device(&acrn_host, NULL, &device, NULL) == 0;
}

const struct hypervisor_ops acrn_ops = {
	.name = ACRN_TABLE,
	.caps = HV_CAP_BLOCK_HOTPLUG | HV_CAP_LOSSY_CHANNEL,
	.check = acrn_check,
	.argv = acrn_argv,
	.launch = acrn_launch,
	.stop = acrn_stop,
	.fits_host = acrn_fits_host,
	.add_disk = acrn_add_disk,
};
