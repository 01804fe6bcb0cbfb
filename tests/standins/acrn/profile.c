#include "tests/standins/acrn/profile.h"

#include <string.h>

static const struct dm_profile profiles[] = {
	{
		.name = "1.2",
		.release = DM_RELEASE(1, 2, 0),
		.banner = "DM version is: 1.2-stand-in (daily tag:none), build by none",
		.has_uuid = true,
		.name_max = 127,
		.cpus = DM_CPUS_COUNT,
		.tap = DM_TAP_BEGINS,
		.msg_query = 8,
		.msg_rescan = 9,
		.msg_pause = 6,
		.msg_continue = 7,
	},
	{
		.name = "2.0",
		.release = DM_RELEASE(2, 0, 0),
		.banner = "DM version is: 2.0-stand-in (daily tag:none), build by none",
		.has_uuid = true,
		.name_max = 127,
		.cpus = DM_CPUS_PCPU,
		.tap = DM_TAP_BEGINS,
		.msg_query = 6,
		.msg_rescan = 7,
	},
	{
		.name = "2.6",
		.release = DM_RELEASE(2, 6, 0),
		.banner = "DM version is: 2.6-stand-in (daily tag:none), build by none",
		.has_uuid = true,
		.name_max = 127,
		.cpus = DM_CPUS_PCPU,
		.tap = DM_TAP_CONTAINS,
		.msg_query = 6,
		.msg_rescan = 7,
	},
	{
		.name = "2.7",
		.release = DM_RELEASE(2, 7, 0),
		.banner = "DM version is: 2.7-stand-in (daily tag:none), build by none",
		.name_max = 15,
		.cpus = DM_CPUS_PCPU,
		.cpus_need = DM_WITH_ACPI,
		.tap = DM_TAP_CONTAINS,
		.msg_query = 6,
		.msg_rescan = 7,
	},
	{
		.name = "3.0",
		.release = DM_RELEASE(3, 0, 0),
		.banner = "DM version is: 3.0-stand-in (daily tag:none), build by none",
		.name_max = 15,
		.cpus = DM_CPUS_LAPIC,
		.cpus_need = DM_ALWAYS,
		.tap = DM_TAP_TYPED,
		.root_only = true,
		.msg_query = 6,
		.msg_rescan = 7,
		.ctl_force = true,
	},
	{
		.name = "3.4",
		.release = DM_RELEASE(3, 4, 0),
		.banner = "DM: 3.4-stand-in-20250819-none(tag: none) build by none",
		.name_max = 15,
		.cpus = DM_CPUS_LAPIC,
		.cpus_need = DM_ALWAYS,
		.tap = DM_TAP_TYPED,
		.root_only = true,
		.msg_query = 6,
		.msg_rescan = 7,
		.ctl_force = true,
	},
};

static const struct {
	const char *alias;
	const char *name;
} aliases[] = {
	{ "1.x", "1.2" },
	{ "2.x", "2.0" },
	{ "3.x", "3.4" },
	{ "3", "3.4" },
};

enum {
	N_PROFILES = sizeof(profiles) / sizeof(profiles[0]),
	N_ALIASES = sizeof(aliases) / sizeof(aliases[0]),
};

const struct dm_profile *dm_profile_at(unsigned i)
{
	return i < N_PROFILES ? &profiles[i] : NULL;
}

const struct dm_profile *dm_profile_find(const char *name)
{
	for (unsigned i = 0; i < N_ALIASES; i++)
		if (!strcmp(aliases[i].alias, name))
			name = aliases[i].name;
	for (unsigned i = 0; i < N_PROFILES; i++)
		if (!strcmp(profiles[i].name, name))
			return &profiles[i];
	return NULL;
}

const struct dm_profile *dm_profile_default(void)
{
	return &profiles[N_PROFILES - 1];
}
