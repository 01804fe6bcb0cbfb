/* Bodies of the calls that bring the host's files into a guest without a shared directory. */
#ifndef AGENT_PROTO_CALLS_STORAGE_H
#define AGENT_PROTO_CALLS_STORAGE_H

#include "base/json.h"

/*
 * MOUNTIMAGE (83): what is on a disk becomes `target` of the guest's share, a directory or a file.
 * The disk may come later than the call: the guest waits for it, and takes nothing that has another
 * size.
 */
struct call_mountimage {
	const char *device;  /* "vdb" */
	uint64_t bytes;	     /* of the disk */
	const char *fstype;  /* "erofs" */
	const char *target;  /* "<container>/<name>" */
	bool whole;	     /* the root of the file system is wanted, not its entry "tree" */
	bool writable;	     /* the disk may be written to; without it, it is mounted read-only */
	bool layer;	     /* a writable layer over it, which lives as long as the container */
	const char *options; /* of the file system; NULL: none */
};

extern const struct json_type call_mountimage_type;

#endif
