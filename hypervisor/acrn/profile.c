#include "hypervisor/acrn/profile.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/strbuf.h"

#define VHM "/dev/acrn_vhm"
#define HSM "/dev/acrn_hsm"

/* Numbers of ioctls: of the older driver, plain numbers; of the newer, as in linux/acrn.h, but for
 * the one that tells about the platform, which is gone since. */
enum { INFO_VHM = 0x43000003, CREATE_VHM = 0x43000010, DESTROY_VHM = 0x43000011 };
#define INFO_HSM    0x8100a203UL
#define CREATE_HSM  0xc030a210UL
#define DESTROY_HSM 0xa211UL

#define NO_LIMIT UINT32_MAX

/* Oldest first. */
static const struct acrn_profile profiles[] = {
	{
		.name = "1.x",
		.first = ACRN_RELEASE(1, 2),
		.last = ACRN_RELEASE(1, UINT16_MAX),
		.device = VHM,
		.create_ioctl = CREATE_VHM,
		.destroy_ioctl = DESTROY_VHM,
		.by_uuid = true,
		.name_max = 127,
		.acpi_flag = true,
		.tap = ACRN_TAP_BEGINS,
		.monitor_rescan = 9,
		.rescan_max = 255,
		.info_ioctl = INFO_VHM,
		.info_offset = 130,
		.info_bytes = 1,
	},
	{
		.name = "2.0",
		.first = ACRN_RELEASE(2, 0),
		.last = ACRN_RELEASE(2, 0),
		.device = VHM,
		.create_ioctl = CREATE_VHM,
		.destroy_ioctl = DESTROY_VHM,
		.by_uuid = true,
		.name_max = 127,
		.acpi_flag = true,
		.affinity = ACRN_AFFINITY_PCPU,
		.tap = ACRN_TAP_BEGINS,
		.monitor_rescan = 7,
		.rescan_max = 255,
		.info_ioctl = INFO_VHM,
		.info_offset = 130,
		.info_bytes = 1,
	},
	{
		.name = "2.x",
		.first = ACRN_RELEASE(2, 1),
		.last = ACRN_RELEASE(2, 5),
		.device = VHM,
		.create_ioctl = CREATE_VHM,
		.destroy_ioctl = DESTROY_VHM,
		.by_uuid = true,
		.name_max = 127,
		.acpi_flag = true,
		.affinity = ACRN_AFFINITY_PCPU,
		.tap = ACRN_TAP_CONTAINS,
		.macvtap = true,
		.monitor_rescan = 7,
		.rescan_max = 255,
		.info_ioctl = INFO_VHM,
		.info_offset = 130,
		.info_bytes = 1,
	},
	{
		.name = "2.6",
		.first = ACRN_RELEASE(2, 6),
		.last = ACRN_RELEASE(2, 6),
		.device = HSM,
		.create_ioctl = CREATE_HSM,
		.destroy_ioctl = DESTROY_HSM,
		.by_uuid = true,
		.name_max = 127,
		.acpi_flag = true,
		.affinity = ACRN_AFFINITY_PCPU,
		.tap = ACRN_TAP_CONTAINS,
		.macvtap = true,
		.monitor_rescan = 7,
		.rescan_max = 255,
		.info_ioctl = INFO_HSM,
		.info_offset = 144,
		.info_bytes = 8,
	},
	{
		.name = "2.7",
		.first = ACRN_RELEASE(2, 7),
		.last = ACRN_RELEASE(2, UINT16_MAX),
		.device = HSM,
		.create_ioctl = CREATE_HSM,
		.destroy_ioctl = DESTROY_HSM,
		.name_max = 15,
		.acpi_flag = true,
		.affinity = ACRN_AFFINITY_PCPU,
		.affinity_needed = true,
		.tap = ACRN_TAP_CONTAINS,
		.macvtap = true,
		.monitor_rescan = 7,
		.rescan_max = 255,
	},
	{
		.name = "3.x",
		.first = ACRN_RELEASE(3, 0),
		.last = NO_LIMIT,
		.device = HSM,
		.create_ioctl = CREATE_HSM,
		.destroy_ioctl = DESTROY_HSM,
		.name_max = 15,
		.affinity = ACRN_AFFINITY_LAPIC,
		.affinity_needed = true,
		.tap = ACRN_TAP_PREFIXED,
		.macvtap = true,
		.vsock = true,
		.cmd_monitor = true,
		.monitor_rescan = 7,
		.rescan_max = 319,
	},
};

enum { N_PROFILES = sizeof(profiles) / sizeof(profiles[0]) };

const struct acrn_profile *profile_at(size_t i)
{
	return i < N_PROFILES ? &profiles[i] : NULL;
}

const struct acrn_profile *profile_find(const char *name)
{
	for (size_t i = 0; i < N_PROFILES; i++)
		if (!strcmp(profiles[i].name, name))
			return &profiles[i];
	return NULL;
}

const struct acrn_profile *profile_of_release(uint32_t release)
{
	for (size_t i = 0; i < N_PROFILES; i++)
		if (release >= profiles[i].first && release <= profiles[i].last)
			return &profiles[i];
	return NULL;
}

/* A number of at most four digits; *at moves behind it. */
static int read_number(const char **at, uint32_t *out)
{
	const char *digit = *at;

	for (*out = 0; isdigit((unsigned char)*digit); digit++) {
		if (digit - *at >= 4)
			return -EINVAL;
		*out = *out * 10 + (uint32_t)(*digit - '0');
	}
	if (digit == *at)
		return -EINVAL;
	*at = digit;
	return 0;
}

int profile_parse_banner(const char *text, uint32_t *release)
{
	static const char *const heads[] = { "DM version is:", "DM:" };
	const char *at = NULL;
	uint32_t major, minor;

	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]) && !at; i++) {
		at = strstr(text, heads[i]);
		at = at ? at + strlen(heads[i]) : NULL;
	}
	if (!at)
		return -EINVAL;
	at += strspn(at, " \t");
	if (*at == 'v')
		at++;
	if (read_number(&at, &major) < 0 || *at++ != '.' || read_number(&at, &minor) < 0)
		return -EINVAL;
	*release = ACRN_RELEASE(major, minor);
	return 0;
}

static int unknown_profile(const char *wanted, struct error *err)
{
	auto_strbuf struct strbuf known = { 0 };

	(void)strbuf_adds(&known, "auto");
	for (size_t i = 0; i < N_PROFILES; i++)
		(void)strbuf_addf(&known, ", %s", profiles[i].name);
	return err_msg(err, -EINVAL, "unknown acrn_profile '%s' in [hypervisor.acrn] (known: %s)",
		       wanted, strbuf_str(&known));
}

/* What would come of it if a profile were used with a release that it is not for. */
static const char *consequence(const struct acrn_profile *wanted, const struct acrn_profile *real)
{
	if (real->tap == ACRN_TAP_PREFIXED && wanted->tap != ACRN_TAP_PREFIXED)
		return "guests would run without a network and nothing would say so";
	if (real->tap != ACRN_TAP_PREFIXED && wanted->tap == ACRN_TAP_PREFIXED)
		return "guests would be put on an interface called 'tap=...' that nobody knows";
	if (real->by_uuid != wanted->by_uuid)
		return real->by_uuid ? "guests would all be started with the same UUID"
				     : "the device model would end without a word";
	if (real->monitor_rescan != wanted->monitor_rescan)
		return "disks would not arrive, or the guest would be told something else";
	if (real->affinity != wanted->affinity)
		return "the device model would end without a word";
	if (real->macvtap != wanted->macvtap || real->tap != wanted->tap)
		return "guests could run without a network and nothing would say so";
	return "the device model talks to another device";
}

static int check_fits(const struct acrn_profile *wanted, uint32_t release, struct error *err)
{
	const struct acrn_profile *real = profile_of_release(release);

	if (real == wanted)
		return 0;
	err_msg(err, -EINVAL, "acrn_profile is \"%s\", but the device model is of release %u.%u",
		wanted->name, release >> 16, release & UINT16_MAX);
	if (!real)
		return err_hint(err, "it is too old for containers");
	return err_hint(err, "%s; set acrn_profile = \"auto\" or \"%s\" in [hypervisor.acrn]",
			consequence(wanted, real), real->name);
}

int profile_decide(const char *wanted, uint32_t release, const char *device,
		   const struct acrn_profile **profile, struct error *err)
{
	bool automatic = !strcmp(wanted, "auto");
	int ret = 0;

	*profile = automatic ? profile_of_release(release) : profile_find(wanted);
	if (!automatic && !*profile)
		return unknown_profile(wanted, err);
	if (automatic && release == 0) {
		err_msg(err, -EINVAL, "the device model does not say which release of ACRN it is");
		return err_hint(err, "set acrn_profile in [hypervisor.acrn]");
	}
	if (!*profile) {
		err_msg(err, -EINVAL,
			"the device model is of release %u.%u: too old for containers",
			release >> 16, release & UINT16_MAX);
		return err_hint(err, "1.2 is the first that can run them");
	}
	if (release)
		ret = check_fits(*profile, release, err);
	if (ret < 0 || !device || !strcmp(device, (*profile)->device))
		return ret;
	err_msg(err, -ENODEV, "ACRN %s makes virtual machines through '%s', but this host has '%s'",
		(*profile)->name, (*profile)->device, device);
	return err_hint(err, "kernel and device model are of different releases");
}
