/*
 * Makes files as a stream of tree_code.h tells, in a directory that may have some already: the
 * stream's one top entry becomes an entry of it. No link is ever followed, and nothing outside is
 * reached.
 */
#ifndef AGENT_PROTO_TREE_APPLY_H
#define AGENT_PROTO_TREE_APPLY_H

#include <time.h>
#include "agent/proto/tree_code.h"

struct tree_apply {
	const char *name;   /* of the top entry, in the directory */
	uint64_t max_bytes; /* of the stream; more is -EFBIG */
	/*
	 * What is in the directory and was changed since then is only replaced or removed by what
	 * is later than that change, and a directory in which anything was changed is not removed.
	 * Zero: nobody else changes anything.
	 */
	struct timespec since;
	bool in_place; /* a file at the top is written to, not replaced: others have it open */
	/* Called for each entry that was changed on both sides, path below the top. May be NULL. */
	void (*tell)(void *arg, const char *path, bool kept);
	void *arg;
};

/*
 * Applies all of in_fd to the directory dir_fd. On failure a part of it is applied; doing it again
 * gives what doing it once would have. An empty stream (only its end) changes nothing.
 */
int tree_apply(const struct tree_apply *apply, int in_fd, int dir_fd, struct error *err) must_check;

#endif
