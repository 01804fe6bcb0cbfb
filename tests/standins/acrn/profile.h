/* What differs between the releases of ACRN's device model: one row a release that was observed. */
#ifndef TESTS_STANDINS_ACRN_PROFILE_H
#define TESTS_STANDINS_ACRN_PROFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A release as one number, so that ranges can be compared: 1.6.1 is 10601. */
#define DM_RELEASE(major, minor, patch) ((major)*10000U + (minor)*100U + (patch))

enum dm_cpus {
	DM_CPUS_COUNT, /* -c N */
	DM_CPUS_PCPU,  /* --cpu_affinity of physical CPU numbers, lists and ranges */
	DM_CPUS_LAPIC, /* --cpu_affinity of local APIC numbers, lists only */
};

enum dm_need { DM_NEVER, DM_WITH_ACPI, DM_ALWAYS };

/* Which names after `virtio-net,` make the device model open a tap. */
enum dm_tap {
	DM_TAP_BEGINS,	 /* a bare name that begins with tap or vmnet */
	DM_TAP_CONTAINS, /* a bare name with tap anywhere in it */
	DM_TAP_TYPED,	 /* tap=NAME */
};

struct dm_profile {
	const char *name;
	unsigned release;
	const char *banner;
	bool has_uuid;		/* VMs are told apart by UUID, not by name */
	size_t name_max;	/* bytes */
	enum dm_cpus cpus;	/* how virtual CPUs are asked for */
	enum dm_need cpus_need; /* when --cpu_affinity must be there */
	enum dm_tap tap;
	bool root_only; /* reads the host's interrupt table before it looks at any option */
	/* Message numbers of the monitor socket; 0: not known to this release. */
	uint32_t msg_query;
	uint32_t msg_rescan;
	uint32_t msg_pause;
	uint32_t msg_continue;
	bool ctl_force; /* acrnctl stop takes -f */
};

/* The profile of that name ("2.7"), of an alias ("1.x", "3.x") or NULL. */
const struct dm_profile *dm_profile_find(const char *name);
/* The i-th profile, oldest first; NULL past the end. */
const struct dm_profile *dm_profile_at(unsigned i);
/* The newest one. */
const struct dm_profile *dm_profile_default(void);

#endif
