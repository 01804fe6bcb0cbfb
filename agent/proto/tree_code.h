/*
 * A tree of files as a stream of bytes, for what is copied between the host and a guest without a
 * shared directory (docs/protocols.md, 1.6). Both ends mistrust it: names are single components,
 * everything has a limit, and who reads it never follows a link.
 */
#ifndef AGENT_PROTO_TREE_CODE_H
#define AGENT_PROTO_TREE_CODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/error.h"

enum tree_kind {
	TREE_DIR = 'd', /* what follows is in it, until TREE_UP */
	TREE_UP = 'u',
	TREE_FILE = 'f',
	TREE_LINK = 'l',
	TREE_PIPE = 'p',
	TREE_GONE = 'g', /* there was something of that name, and is no more */
	TREE_END = 'z',
};

enum {
	TREE_HEAD_LEN = 48,
	TREE_NAME_MAX = 255,
	TREE_TARGET_MAX = 4095,
	TREE_XATTRS_MAX = 128 << 10,
	TREE_DEPTH_MAX = 128,
	TREE_ENTRIES_MAX = 1 << 20,
};

/* What stands in front of the first entry. */
#define TREE_MAGIC     "acruntr1"
#define TREE_MAGIC_LEN 8

struct tree_entry {
	enum tree_kind kind;
	bool fresh; /* TREE_DIR: nothing of what was there before is left in it */
	uint16_t name_len;
	uint32_t mode; /* permissions */
	uint32_t uid, gid;
	int64_t mtime_s;
	uint32_t mtime_ns;
	uint64_t size;	     /* bytes of the file, or of the link's target */
	uint32_t xattrs_len; /* of the attributes' pairs: u16 length of name, u32 of value, both */
	char name[TREE_NAME_MAX + 1];
};

/* Writes the head; name, attributes and content follow it. */
void tree_encode_head(const struct tree_entry *entry, uint8_t head[static TREE_HEAD_LEN]);

/* Reads a head and checks all of it that can be checked: -EBADMSG. The name is still to come. */
int tree_decode_head(const uint8_t head[static TREE_HEAD_LEN], struct tree_entry *entry) must_check;

/* Is it the name of one entry of a directory? */
bool tree_name_is_valid(const char *name, size_t len);

/* One attribute. */
struct tree_xattr {
	const char *name; /* not terminated */
	const void *value;
	uint16_t name_len;
	uint32_t value_len;
};

/* Takes the next attribute of the block at *at; false at its end, -EBADMSG in *ret if it is none.
 */
bool tree_next_xattr(const uint8_t **at, const uint8_t *end, struct tree_xattr *xattr, int *ret);

/* Which attributes are copied: those of users, capabilities, access control lists. */
bool tree_xattr_is_copied(const char *name);

#endif
