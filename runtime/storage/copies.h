/*
 * The writable bind mounts of a container whose guest has copies of them: what must be known to
 * bring the container's changes back. In `copies.json` in the container's directory.
 */
#ifndef RUNTIME_STORAGE_COPIES_H
#define RUNTIME_STORAGE_COPIES_H

#include "base/arena.h"
#include "base/json.h"

#define COPIES_FILE "copies.json"

struct copy {
	const char *target;	 /* in the guest's share */
	const char *source;	 /* on the host, absolute, links resolved */
	const char *destination; /* in the container, for messages */
};

struct copies {
	int64_t since_s; /* when the host's files were about to be read */
	uint32_t since_ns;
	uint64_t max_bytes;    /* of one's changes */
	struct json_objs list; /* struct copy */
};

int copies_save(int dir_fd, const struct copies *copies, struct error *err) must_check;
/* 0 with an empty list when there is no such file. Memory is the arena's. */
int copies_load(int dir_fd, struct arena *arena, struct copies *copies, struct error *err)
	must_check;

/*
 * Applies the changes in the stream stream_fd, which the guest has sent, to the host's files. What
 * was changed on both sides is warned about: the later change stays. -EBADMSG and -EFBIG: the guest
 * is at fault; other failures are the host's.
 */
int copies_apply(const struct copies *copies, const struct copy *copy, int stream_fd,
		 struct error *err) must_check;

#endif
