/* Mounts that are file systems on disks of the host: what the guest gets as they are. */
#ifndef RUNTIME_STORAGE_DISK_H
#define RUNTIME_STORAGE_DISK_H

#include "runtime/storage/volumes.h"

/* The part of volumes_plan() that is about disks. */
int disks_plan(struct volumes *volumes, struct oci_spec *spec, const char *id, struct arena *arena,
	       struct error *err) must_check;

#endif
