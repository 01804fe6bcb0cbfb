#include "agent/guest/caps.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/guest/fail.h"
#include "oci/names.h"

enum { CAPS_BITS = 64 };

static uint64_t mask_of(const struct json_strs *names)
{
	uint64_t mask = 0;

	for (size_t i = 0; i < names->len; i++) {
		int number = oci_capability_number(names->items[i]);

		if (number >= 0 && number < CAPS_BITS)
			mask |= UINT64_C(1) << number;
	}
	return mask;
}

void caps_parse(const struct oci_capabilities *names, struct caps *caps)
{
	*caps = (struct caps){ 0 };
	if (!names)
		return;
	caps->bounding = mask_of(&names->bounding);
	caps->effective = mask_of(&names->effective);
	caps->inheritable = mask_of(&names->inheritable);
	caps->permitted = mask_of(&names->permitted);
	caps->ambient = mask_of(&names->ambient);
}

int caps_prepare(const struct caps *caps, struct error *err)
{
	for (int number = 0; number < CAPS_BITS; number++) {
		if (caps->bounding >> number & 1)
			continue;
		/* beyond the last capability of this kernel */
		if (prctl(PR_CAPBSET_READ, number, 0, 0, 0) < 0)
			break;
		if (prctl(PR_CAPBSET_DROP, number, 0, 0, 0) < 0)
			return fail_set(err, -errno, "unable to apply caps: drop capability %d",
					number);
	}
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
		return fail_set(err, -errno, "unable to set keep caps");
	return 0;
}

static int set_caps(const struct caps *caps)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { 0 };

	for (int i = 0; i < 2; i++) {
		data[i].effective = (uint32_t)(caps->effective >> (32 * i));
		data[i].permitted = (uint32_t)(caps->permitted >> (32 * i));
		data[i].inheritable = (uint32_t)(caps->inheritable >> (32 * i));
	}
	return syscall(SYS_capset, &header, data) < 0 ? -errno : 0;
}

/* What this kernel knows: higher bits would make capset(2) fail. */
static uint64_t known_caps(void)
{
	uint64_t mask = 0;

	for (int number = 0; number < CAPS_BITS && prctl(PR_CAPBSET_READ, number, 0, 0, 0) >= 0;
	     number++)
		mask |= UINT64_C(1) << number;
	return mask;
}

int caps_apply(const struct caps *caps, struct error *err)
{
	uint64_t known = known_caps();
	struct caps masked = { .effective = caps->effective & known,
			       .permitted = caps->permitted & known,
			       .inheritable = caps->inheritable & known };
	int ret;

	if (prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0) < 0)
		return fail_set(err, -errno, "unable to clear keep caps");
	ret = set_caps(&masked);
	if (ret < 0)
		return fail_set(err, ret, "unable to apply caps");
	(void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	for (int number = 0; number < CAPS_BITS; number++) {
		if (!((caps->ambient & known) >> number & 1))
			continue;
		/* one that is not permitted and inheritable can't be ambient: runc ignores that as
		 * well */
		if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, number, 0, 0) < 0 && errno != EPERM)
			return fail_set(err, -errno, "unable to raise ambient capability %d",
					number);
	}
	return 0;
}
