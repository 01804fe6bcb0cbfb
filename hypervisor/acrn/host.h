/* For `acrun check`: what ACRN needs of its host beyond the files of the configuration, and an
 * empty VM made without the device model. */
#ifndef HYPERVISOR_ACRN_HOST_H
#define HYPERVISOR_ACRN_HOST_H

#include "hypervisor/acrn/platform.h"
#include "hypervisor/host_check.h"
#include "hypervisor/hypervisor.h"

/*
 * Adds a finding each: "acrn" (what the CPU says), "acrn-device", "acrn-dm", "iasl", "hugepages",
 * "acrn-cpus", "acrn-uuids" (up to 2.6), "vhost-vsock" (from 3.0 on), "acrnctl". The last four need
 * a device model whose release is known. Makes nothing; runs the device model and iasl for their
 * versions.
 */
void acrn_check_host_on(const struct acrn_platform *host, const struct hypervisor_config *cfg,
			const struct host_checks *checks);

/*
 * Has the driver make a VM, by the ioctl of its era, and end it; adds the finding "create". Takes
 * one of the configured UUIDs meanwhile, where VMs have some.
 */
void acrn_try_create_on(const struct acrn_platform *host, const struct hypervisor_config *cfg,
			const struct host_checks *checks);

/* The same on this host: hypervisor_ops.check_host, .try_create. */
void acrn_check_host(const struct hypervisor_config *cfg, const struct host_checks *checks);
void acrn_try_create(const struct hypervisor_config *cfg, const struct host_checks *checks);

#endif
