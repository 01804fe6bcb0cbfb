/*
 * What the stand-in is to be like. Built-in values < FILE.conf beside the program as it was called
 * < the release behind its name (acrn-dm-2.7) < ACRN_STANDIN in the environment. One `key = value`
 * a line, `#` begins a remark; in the environment `;` separates.
 */
#ifndef TESTS_STANDINS_ACRN_SETTINGS_H
#define TESTS_STANDINS_ACRN_SETTINGS_H

#include <stdint.h>
#include "base/error.h"
#include "tests/standins/acrn/profile.h"

struct settings {
	const struct dm_profile *profile;
	char *run_dir;	    /* instead of /run/acrn */
	char *qemu;	    /* program */
	char *accel;	    /* -accel of QEMU */
	char *kernel;	    /* booted instead of that of -k: an uncompressed one starts faster */
	char *append;	    /* added to the kernel's command line */
	char *faults;	    /* file: each silent fault is appended as a line; NULL: nowhere */
	char *uuids;	    /* that the hypervisor knows, separated by blanks; "any" */
	uint32_t max_vms;   /* at once; 0: no limit */
	uint32_t loss;	    /* of 1000 pieces of a console's data, lost on top of what has to be */
	uint32_t loss_seed; /* the same seed loses the same pieces */
};

/* Reads them; argv0 is the name the program was called by. */
int settings_load(struct settings *set, const char *argv0, const char *environment,
		  struct error *err) must_check;
/* One text of `key = value`, the items separated by newline or `separator`. */
int settings_apply(struct settings *set, const char *text, char separator, struct error *err)
	must_check;
void settings_done(struct settings *set);

#endif
