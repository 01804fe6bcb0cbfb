/*
 * What a tree of files is like, without reading the files: a name for its content that changes
 * whenever that may have changed, and sizes. It stands for an image of the tree.
 */
#ifndef RUNTIME_STORAGE_TREE_H
#define RUNTIME_STORAGE_TREE_H

#include <stdbool.h>
#include <stdint.h>
#include "base/error.h"
#include "base/sha256.h"

struct tree {
	char key[SHA256_TEXT_LEN];
	uint64_t entries;      /* all of them, the top included */
	uint64_t bytes;	       /* in regular files, holes included; each of several names counts */
	uint64_t stored_bytes; /* the same without holes */
	bool sparse;	       /* there are files with holes */
	bool user_xattrs;      /* some have attributes "user.*" */
	uint16_t longest_name; /* bytes */
};

/*
 * Walks the tree at `path`, a directory or a file, as the caller sees it; without `recursive`, what
 * is mounted below it is not part of it. `flavour` goes into the key: what else shapes the image.
 *
 * Into the key go the path of each entry, its type, mode, owner, device number, extended
 * attributes, target of a link and time of change of content; of files also inode, size and ctime,
 * which nothing that writes to them leaves as it was. Not the time of the top directory, which
 * differs for each container of one image, and no inodes of directories, for the same reason.
 */
int tree_examine(const char *path, bool recursive, const char *flavour, struct tree *tree,
		 struct error *err) must_check;

#endif
