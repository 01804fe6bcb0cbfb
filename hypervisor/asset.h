/* The files a guest boots from, checked before a VMM gets them: its own messages about them explain
 * little. */
#ifndef HYPERVISOR_ASSET_H
#define HYPERVISOR_ASSET_H

#include "base/error.h"

/*
 * `key` is the name of the configuration's key, `table` its table: both for the message. The path
 * must name a readable, regular file that is not empty.
 */
int asset_check_file(const char *path, const char *key, const char *table, struct error *err)
	must_check;

/* As asset_check_file(), and the file is a bzImage or an x86-64 ELF kernel with the PVH entry note.
 */
int asset_check_kernel(const char *path, const char *table, struct error *err) must_check;

#endif
