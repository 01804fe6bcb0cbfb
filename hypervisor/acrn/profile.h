/*
 * What differs between the releases of ACRN, as one table. A wrong row does not always fail: some
 * combinations run with no network or with an interface of an odd name, so a profile that does not
 * fit the device model at hand is refused.
 */
#ifndef HYPERVISOR_ACRN_PROFILE_H
#define HYPERVISOR_ACRN_PROFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/error.h"

/* A release as one number that can be compared. */
#define ACRN_RELEASE(major, minor) ((uint32_t)(major) << 16 | (uint32_t)(minor))

/* What --cpu_affinity takes. */
enum acrn_affinity {
	ACRN_AFFINITY_NONE, /* there is no such option */
	ACRN_AFFINITY_PCPU, /* physical CPUs, as the hypervisor numbers them */
	ACRN_AFFINITY_LAPIC /* ids of local APICs */
};

/* Which interfaces the device model opens; what it does not open is a NIC with its link down. */
enum acrn_tap_rule {
	ACRN_TAP_BEGINS,   /* those whose name begins with "tap" */
	ACRN_TAP_CONTAINS, /* those with "tap" anywhere in the name */
	ACRN_TAP_PREFIXED  /* any, behind "tap=" */
};

struct acrn_profile {
	const char *name;     /* as in the configuration */
	uint32_t first, last; /* releases, both inclusive */
	const char *device;   /* through which the device model makes VMs */
	bool by_uuid;	      /* a VM is known by a UUID that the hypervisor has in its table */
	uint32_t name_max;    /* bytes of a VM's name */
	bool acpi_flag;	      /* tables are made with -A only */
	enum acrn_affinity affinity;
	bool affinity_needed;
	enum acrn_tap_rule tap;
	bool macvtap;
	bool vsock;
	bool cmd_monitor;	 /* a control socket of JSON, else the monitor's own protocol */
	uint32_t monitor_rescan; /* number of its request */
	uint32_t rescan_max;	 /* bytes of "slot,path" */
	unsigned long create_ioctl, destroy_ioctl;
	unsigned long info_ioctl;	  /* tells how many VMs there may be; 0: nothing does */
	uint32_t info_offset, info_bytes; /* of the number in what the ioctl fills */
};

enum { ACRN_INFO_BYTES = 256 };

/* The profile of that name or NULL; the i-th or NULL past the end. */
const struct acrn_profile *profile_find(const char *name);
const struct acrn_profile *profile_at(size_t i);
/* The profile of a release; NULL for one that cannot run containers (before 1.2). */
const struct acrn_profile *profile_of_release(uint32_t release);

/*
 * Reads the release out of what `acrn-dm -v` prints; both forms of its banner are known. Returns 0
 * or -EINVAL.
 */
int profile_parse_banner(const char *text, uint32_t *release) must_check;

/*
 * Decides for a device model. `wanted` is the configured name, "auto" to go by the release.
 * `release` is 0 when its banner could not be read: then a profile must have been named. `device`
 * is the one found on the host, NULL when none was looked for. What does not fit together is
 * -EINVAL (or -ENODEV for the device) with the reason.
 */
int profile_decide(const char *wanted, uint32_t release, const char *device,
		   const struct acrn_profile **profile, struct error *err) must_check;

#endif
