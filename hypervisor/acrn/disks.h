/*
 * What later commands must know of a running VM: its name, its profile, and which of its
 * placeholder disks are taken. A placeholder can be filled once and never emptied, so it is marked
 * in the file before the device model is told.
 */
#ifndef HYPERVISOR_ACRN_DISKS_H
#define HYPERVISOR_ACRN_DISKS_H

#include "hypervisor/acrn/argv.h"
#include "hypervisor/acrn/control.h"

/* Name of the file, and of the sockets, in the directory of the VM. */
#define ACRN_STATE_FILE	    "acrn.json"
#define ACRN_CONTROL_SOCKET "control.sock"

/* Writes the file for a machine that is about to be launched. */
int disks_save_machine(int dir_fd, const struct acrn_machine *machine, const char *acrnctl,
		       struct error *err) must_check;

/* As hypervisor_ops.add_disk; the monitor's sockets are in `monitors`. */
int disks_add(const struct vm *vm, int dir_fd, const char *monitors, const struct vm_disk *disk,
	      struct vm_disk_place *place, struct error *err) must_check;

/* hypervisor_ops.add_disk. */
int acrn_add_disk(const struct vm *vm, int dir_fd, const struct vm_disk *disk,
		  struct vm_disk_place *place, struct error *err) must_check;

#endif
