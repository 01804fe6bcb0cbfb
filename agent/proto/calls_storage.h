/* Bodies of the calls that bring the host's files into a guest without a shared directory, and
 * back. */
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
	bool node; /* the disk itself becomes `target`, a block device; `fstype` is empty then */
};

/* Of a node: its numbers in the guest. Otherwise the answer is empty. */
struct call_mountimage_reply {
	uint32_t major, minor;
};

/*
 * PUTTREE (84): what COPYFILE has put into `file` of the guest's files, a stream of tree_code.h,
 * becomes `target` of the share. The file goes.
 */
struct call_puttree {
	const char *file;
	const char *target; /* "<container>/<name>" */
	bool layer;	    /* a writable layer over it */
};

/*
 * TAKETREE (85): what was written over `target` since it came, to `file` of the guest's files, as a
 * stream of tree_code.h with one top entry or none; READFILE fetches it. Nothing should write
 * meanwhile. A disk without a layer is written back, and there is nothing to fetch.
 */
struct call_taketree {
	const char *target;
	const char *file;
	uint64_t max_bytes; /* more is an error; JSON "maxBytes" */
};

struct call_taketree_reply {
	uint64_t bytes; /* 0: nothing was written, and there is no file */
};

/* FILESYSTEMS (86): which of those that MOUNTIMAGE knows the guest's kernel has, or can load. */
struct call_filesystems_reply {
	struct json_strs filesystems;
};

extern const struct json_type call_mountimage_type;
extern const struct json_type call_mountimage_reply_type;
extern const struct json_type call_puttree_type;
extern const struct json_type call_taketree_type;
extern const struct json_type call_taketree_reply_type;
extern const struct json_type call_filesystems_reply_type;

#endif
