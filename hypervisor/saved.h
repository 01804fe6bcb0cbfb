/*
 * What a virtual machine looks like from outside when its state is saved: what another one must
 * look like to take that state over. Plain data, read from the VMM itself and kept as JSON beside
 * the state.
 */
#ifndef HYPERVISOR_SAVED_H
#define HYPERVISOR_SAVED_H

#include <stdbool.h>
#include <stdint.h>
#include "base/error.h"
#include "base/json.h"

/* Devices that were plugged in while it ran. Places are the backend's to understand. */
struct vm_saved_cpu {
	const char *type;
	struct opt_u32 socket, die, core, thread;
};

struct vm_saved_dimm {
	uint32_t slot;
	uint64_t bytes, address;
};

struct vm_saved_disk {
	uint32_t slot;
	const char *path; /* of its file on the host */
	bool readonly;
};

struct vm_saved_nic {
	uint32_t port;
	const char *id; /* as in struct vm_nic */
	const char *mac;
};

struct vm_saved {
	const char *version;	    /* of the VMM */
	uint32_t vcpus, memory_mib; /* that it started with */
	uint32_t max_vcpus, max_memory_mib, memory_slots;
	uint32_t nic_slots, disk_slots;
	bool generation;	/* has a number that tells clones apart */
	struct json_strs shape; /* what else of its command line shapes it */
	struct json_objs cpus;	/* struct vm_saved_cpu */
	struct json_objs dimms; /* struct vm_saved_dimm */
	struct json_objs disks; /* struct vm_saved_disk */
	struct json_objs nics;	/* struct vm_saved_nic */
};

extern const struct json_type vm_saved_type;

/* Could the state of a machine like `saved` go into one like `now`? -EMEDIUMTYPE names the first
 * thing that differs. Files of disks are not compared. */
int vm_saved_compare(const struct vm_saved *saved, const struct vm_saved *now, struct error *err)
	must_check;

#endif
