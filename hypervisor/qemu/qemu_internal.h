/* What the files of the QEMU backend share. */
#ifndef HYPERVISOR_QEMU_QEMU_INTERNAL_H
#define HYPERVISOR_QEMU_QEMU_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include "hypervisor/hypervisor.h"

/* Descriptor numbers in the VMM. */
enum { QEMU_FD_CONSOLE = 8, QEMU_FD_CONTROL = 9, QEMU_FD_CHANNEL = 10 };

/* What differs between QEMU's machine types. */
struct qemu_machine {
	const char *name;    /* as in the configuration and on the command line */
	const char *options; /* "" or ",key=value..." */
	uint32_t max_vcpus;
	const char *params;	   /* kernel parameters on any accelerator; may be NULL */
	const char *tcg_params;	   /* more of them under emulation */
	const char *tcg_up_params; /* and these when there is one vCPU */
	bool needs_tsc_khz; /* cannot boot under emulation without knowing the TSC's frequency */
};

/* NULL when unknown. */
const struct qemu_machine *machine_find(const char *name);
/* Sets "unknown machine_type ..." with the list of the known ones; returns the error. */
int machine_unknown(const char *name, struct error *err);

/* hypervisor_ops.argv. */
int qemu_argv(const struct hypervisor_config *cfg, const struct vm_spec *spec,
	      const char *accelerator, struct strvec *argv, struct error *err) must_check;

/* Starts the program with that command line, descriptors and namespaces. */
int qemu_spawn(const struct hypervisor_config *cfg, const struct vm_spec *spec,
	       const struct strvec *argv, pid_t *pid, struct error *err) must_check;

/*
 * Frequency of the time stamp counter in kHz, measured against the monotonic clock for about 2 ms;
 * 0 when there is none. What emulated guests read is the host's counter.
 */
uint32_t tsc_measure_khz(void);

#endif
