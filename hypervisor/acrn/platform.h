/* What the host says about itself: CPUID, the device, its ioctl, its list of CPUs. Reached through
 * a table, so that tests can be any host. */
#ifndef HYPERVISOR_ACRN_PLATFORM_H
#define HYPERVISOR_ACRN_PLATFORM_H

#include <stdbool.h>
#include <stdint.h>
#include "base/strbuf.h"
#include "hypervisor/acrn/profile.h"

struct acrn_platform {
	/* As open(2), ioctl(2), cpuid and a read of a whole file, but with -errno. */
	int (*open_device)(void *arg, const char *path);
	int (*ioctl)(void *arg, int fd, unsigned long request, void *data);
	void (*cpuid)(void *arg, uint32_t leaf, uint32_t regs[static 4]);
	int (*read_file)(void *arg, const char *path, struct strbuf *text);
	/* Is this a program that can be run? 0 or -errno. */
	int (*find_program)(void *arg, const char *path);
	/* Runs `path option` and collects what it prints, whatever its exit status. */
	int (*ask)(void *arg, const char *path, const char *option, struct strbuf *output,
		   struct error *err);
	void *arg;
};

extern const struct acrn_platform acrn_host;

/* Is this the privileged VM of an ACRN hypervisor? Asks the CPU alone; `why_not` (or NULL) is what
 * it says instead. */
bool platform_is_acrn(const struct acrn_platform *host, struct error *why_not);

/*
 * The device of this host, a constant: `configured` when that is not "", else the first there is.
 * It is opened and closed again. -ENODEV when there is none, or the errno of opening it.
 */
int platform_find_device(const struct acrn_platform *host, const char *configured,
			 const char **device, struct error *err) must_check;

/*
 * How many VMs for containers the hypervisor allows; 0 when this release cannot be asked, or the
 * driver does not know the question. -EPERM when the answer is none at all.
 */
int platform_max_vms(const struct acrn_platform *host, const struct acrn_profile *profile,
		     const char *device, uint32_t *max, struct error *err) must_check;

#endif
