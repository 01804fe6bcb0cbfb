/*
 * Checkpoints: a container's machine as files, and a new machine that goes on from them. In the
 * directory are `checkpoint.json`, which is written last and names the others, the state of the
 * machine with its memory, and the images its disks were.
 */
#ifndef RUNTIME_SANDBOX_CHECKPOINT_H
#define RUNTIME_SANDBOX_CHECKPOINT_H

#include "runtime/sandbox/sandbox.h"

struct checkpoint_request {
	const char *root;
	const char *id;
	const char *image_path; /* directory; made if need be */
	bool leave_running;
};

/*
 * Saves a running (or paused) container, which is stopped then unless it is to be left running. On
 * failure it goes on as before, and the directory holds what it held. A container that is in no
 * state for it is -EINVAL with runc's words; one that cannot be saved at all -ENOTSUP.
 */
int sandbox_checkpoint(const struct checkpoint_request *request, struct error *err) must_check;

/* Makes a container out of request->image_path, as sandbox_create() makes one; it runs then. */
int sandbox_restore(const struct create_request *request, int64_t *shim_pid, struct error *err)
	must_check;

#endif
