/*
 * Containers with a user namespace. Their root is nobody in the guest, so the first process comes
 * in two steps: a helper with the guest's own root makes what that alone may, clones the process
 * into its namespaces, writes the id mappings and ends.
 */
#ifndef AGENT_GUEST_USERNS_H
#define AGENT_GUEST_USERNS_H

#include <stdbool.h>
#include <stdint.h>
#include "agent/guest/launch.h"
#include "base/json.h"

/* What the helper has made, as detached mounts (agent/guest/detached.h); -1 each: nothing. */
struct userns_trees {
	int rootfs;
	int *mounts; /* in the order of spec->mounts; NULL: none */
	int *nodes;  /* in the order of dev_prepare() */
	int *hooks;  /* programs of createContainer hooks, in their order; of any container */
};

/* The id outside for `id` inside, by a list of struct oci_id_mapping; false when it has none. */
bool userns_map(const struct json_objs *mappings, uint32_t id, uint32_t *outside);
/* The text for /proc/PID/uid_map. Out of memory shows in strbuf_error(). */
void userns_format_map(const struct json_objs *mappings, struct strbuf *text);

/*
 * Called by the helper. Returns in the first process, which is root in its user namespace and a
 * member of all that launch->join_flags, clone_flags and unshare_flags name (but of a time
 * namespace, which it has yet to enter); the helper itself ends. On failure it returns in the
 * helper. join_pidfd may be -1.
 */
int userns_split(const struct launch *launch, int join_pidfd, int sync_fd,
		 struct userns_trees *trees, struct error *err) must_check;
/* Before a further process joins the namespaces: what it could not do afterwards. */
int userns_before_join(const struct launch *launch, struct error *err) must_check;
/* The caller has joined: becomes root there. */
int userns_become_root(struct error *err) must_check;
void userns_trees_done(const struct oci_spec *spec, struct userns_trees *trees);

#endif
