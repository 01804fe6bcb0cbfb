/*
 * A root file system that is all of a block device, mounted on the host: while the guest has the
 * device, the host only reads what it has in memory. The mount stays where its owner has put it,
 * but read-only, and is made anew when the guest has let go.
 */
#ifndef RUNTIME_STORAGE_LOAN_H
#define RUNTIME_STORAGE_LOAN_H

#include <stdbool.h>
#include <stdint.h>
#include "base/arena.h"
#include "base/error.h"

#define LOAN_FILE "loan.json"

struct loan {
	const char *path;    /* where it is mounted, absolute */
	const char *device;  /* "/dev/dm-3" */
	const char *fstype;  /* "ext4" */
	const char *options; /* of the file system; NULL: none */
	uint32_t flags;	     /* of the mount, MS_... */
	bool readonly; /* it was so before: it is the guest's to read, and nothing is changed */
};

/*
 * Finds the mount at `path` (absolute, links resolved) in a text like that of /proc/self/mountinfo.
 * 1, or 0 when there is none that can be lent: it is a part of a file system or none on a device,
 * something is mounted on it, or it is mounted elsewhere too. `device` is what the text says.
 */
int loan_parse(const char *mountinfo, const char *path, struct arena *arena, struct loan *loan)
	must_check;

/* The same for this process, with the device's path: 1 or 0, -errno. */
int loan_find(const char *path, struct arena *arena, struct loan *loan, struct error *err)
	must_check;

/* In a container's directory, before it is made. Loading what is not there is -ENOENT without
 * err. */
int loan_save(int dir_fd, const struct loan *loan, struct error *err) must_check;
int loan_load(int dir_fd, struct arena *arena, struct loan *loan, struct error *err) must_check;

/* Makes the mount read-only, with all written back. -EBUSY: files of it are open for writing. */
int loan_make(const struct loan *loan, struct error *err) must_check;

/* Mounts it anew, as it was, if it is still there and read-only. Fine when it never was made. */
int loan_end(const struct loan *loan, struct error *err) must_check;

#endif
