/* Reads the stream of tree_code.h piece by piece. */
#ifndef AGENT_PROTO_TREE_READ_H
#define AGENT_PROTO_TREE_READ_H

#include "agent/proto/tree_code.h"

enum { TREE_READ_LEN = 64 << 10 };

/* Zero-initialise, but for what is said. */
struct tree_reader {
	int fd;		     /* the caller's */
	uint64_t bytes_left; /* the caller sets how many there may be; -EFBIG beyond */
	uint32_t entries;
	size_t at, end;	 /* in `in` */
	uint8_t *in;	 /* TREE_READ_LEN bytes, the caller's */
	uint8_t *xattrs; /* of the last entry; TREE_XATTRS_MAX bytes, the caller's */
};

/* Reads exactly len bytes. -EBADMSG: the stream ends before. */
int tree_read(struct tree_reader *reader, void *data, size_t len) must_check;
/* Reads and checks what stands at the beginning. */
int tree_read_magic(struct tree_reader *reader) must_check;
/* Reads the next entry with its name and attributes; its content comes next. */
int tree_read_entry(struct tree_reader *reader, struct tree_entry *entry) must_check;
/* Reads past len bytes. */
int tree_read_skip(struct tree_reader *reader, uint64_t len) must_check;

#endif
