/* Writes a tree of files as tree_code.h has it. */
#ifndef AGENT_PROTO_TREE_PACK_H
#define AGENT_PROTO_TREE_PACK_H

#include "agent/proto/tree_code.h"

struct tree_pack {
	const char *path;   /* of a directory or a file */
	const char *as;	    /* what it is called in the stream */
	bool layer;	    /* it is of an overlay's upper layer: what was removed is told */
	uint64_t max_bytes; /* of the stream */
};

/*
 * Writes all of it to out_fd. *len receives the bytes. -EFBIG: it is more than max_bytes. Sockets
 * and devices are left out. A file that shrinks meanwhile is filled up with zeros, one that grows
 * is cut off.
 */
int tree_pack(const struct tree_pack *pack, int out_fd, uint64_t *len, struct error *err)
	must_check;

#endif
