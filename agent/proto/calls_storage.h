/* Bodies of the calls that bring the host's files into a guest without a shared directory. */
#ifndef AGENT_PROTO_CALLS_STORAGE_H
#define AGENT_PROTO_CALLS_STORAGE_H

#include "base/json.h"

/*
 * MOUNTIMAGE (83): a disk with a read-only image becomes the directory `target` of the guest's
 * share, with a writable layer over it that lives as long as the guest. The disk may come later
 * than the call: the guest waits for it, and takes nothing that has another size.
 */
struct call_mountimage {
	const char *device; /* "vdb" */
	uint64_t bytes;	    /* of the disk */
	const char *fstype; /* "erofs" */
	const char *target; /* one component: a container's id */
};

extern const struct json_type call_mountimage_type;

#endif
