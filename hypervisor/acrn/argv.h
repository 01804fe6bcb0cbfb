/* The device model's command line: from a machine, a plain description of everything on it. No side
 * effects; docs/hypervisors.md has the order. */
#ifndef HYPERVISOR_ACRN_ARGV_H
#define HYPERVISOR_ACRN_ARGV_H

#include <stdint.h>
#include "base/strbuf.h"
#include "hypervisor/acrn/device.h"
#include "hypervisor/hypervisor.h"

enum {
	ACRN_BOOTARGS_MAX = 1023, /* bytes; more would be cut in silence */
	ACRN_MEMORY_MIN_MIB = 128,
	ACRN_MEMORY_STEP_MIB = 2,
	ACRN_BLOCK_SLOTS_MAX = 24, /* the guest's /dev/vda ... and a letter for each */
};

struct acrn_machine {
	const struct acrn_profile *profile;
	const char *path;     /* program of the device model */
	const char *uuid;     /* only with profile->by_uuid; "" and NULL: its own */
	const char *name;     /* of the VM */
	uint32_t memory_mib;  /* rounded up to what it takes */
	const char *affinity; /* "" and NULL: none */
	const char *control;  /* socket; only with profile->cmd_monitor; NULL: none */
	const char *kernel;
	const char *initrd; /* "" and NULL: none */
	const char *params; /* the kernel's command line */
	struct acrn_device devices[ACRN_SLOTS];
	uint32_t n_devices;
};

/* The slot of the i-th device. */
uint32_t machine_slot(uint32_t i);

/* -E2BIG when there is no slot left. */
int machine_add(struct acrn_machine *machine, const struct acrn_device *device, struct error *err)
	must_check;

/* Appends the whole command line, argv[0] included, or says what cannot be said to the device
 * model. */
int machine_argv(const struct acrn_machine *machine, struct strvec *argv, struct error *err)
	must_check;

/*
 * Fills a machine with the devices that the VM has, in this order: bridge, LPC, console, image,
 * placeholders, channels, interfaces, vsock. Strings are those of cfg and spec; `params` gets the
 * kernel's command line. Name, UUID and affinity are the caller's to set.
 */
int machine_describe(struct acrn_machine *machine, const struct acrn_profile *profile,
		     const struct hypervisor_config *cfg, const struct vm_spec *spec,
		     struct strbuf *params, struct error *err) must_check;

/* hypervisor_ops.argv; `accelerator` names a profile. Takes the UUID as it is and all CPUs of the
 * configuration's cpu_affinity. */
int acrn_argv(const struct hypervisor_config *cfg, const struct vm_spec *spec,
	      const char *accelerator, struct strvec *argv, struct error *err) must_check;

#endif
