/* Options of a mount in config.json, split as mount(8) does: flags for the kernel, propagation, and
 * data for the file system. */
#ifndef AGENT_GUEST_MOUNT_OPTIONS_H
#define AGENT_GUEST_MOUNT_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include "base/error.h"
#include "base/json.h"
#include "base/strbuf.h"

struct mount_options {
	unsigned long flags;   /* MS_* */
	unsigned long cleared; /* MS_* that were taken away by name ("rw", "suid"): matters for bind
				  mounts */
	unsigned long propagation; /* MS_SHARED and the like, with MS_REC; 0: none */
	bool copy_up;		   /* "tmpcopyup" */
	bool id_map;		   /* "idmap", "ridmap" */
	uint64_t tree_set;	   /* MOUNT_ATTR_* for the whole tree below ("rro") */
	uint64_t tree_cleared;
	struct strbuf data; /* the rest, joined by commas; the caller releases it */
};

/* *options zeroed first. -ENOMEM. */
int mount_options_parse(const struct json_strs *list, struct mount_options *options) must_check;

#endif
