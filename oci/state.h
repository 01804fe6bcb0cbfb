/* The state of a container as `state` prints it and as hooks read it from their stdin. */
#ifndef OCI_STATE_H
#define OCI_STATE_H

#include <stdbool.h>
#include <stdint.h>
#include "base/json.h"
#include "base/strbuf.h"

/* X(symbol, name) */
#define OCI_STATUS_LIST(X)      \
	X(CREATING, "creating") \
	X(CREATED, "created")   \
	X(RUNNING, "running")   \
	X(PAUSED, "paused")     \
	X(STOPPED, "stopped")

enum oci_status {
#define X(symbol, name) OCI_STATUS_##symbol,
	OCI_STATUS_LIST(X)
#undef X
};

/* Indexed by enum oci_status, ended by NULL: fit for a JSON_ENUM row. */
extern const char *const oci_status_names[];

/* The word for status; "unknown" for anything outside the enum. */
const char *oci_status_name(int status);
/* The status of that name, or -EINVAL. */
int oci_status_parse(const char *name);

struct oci_state {
	const char *oci_version;
	const char *id;
	int64_t pid;	     /* 0 when stopped */
	int status;	     /* enum oci_status */
	const char *bundle;  /* absolute */
	const char *rootfs;  /* absolute; not part of the hooks' form */
	const char *created; /* RFC 3339 with nanoseconds, UTC; not part of the hooks' form */
	struct json_map annotations;
	const char *owner; /* user name; not part of the hooks' form */
};

/* The form of `state` and `list`, and the form that hooks get (ociVersion, id, status, pid, bundle,
 * annotations). */
extern const struct json_type oci_state_type;
extern const struct json_type oci_hook_state_type;

/* Appends what `state` prints: indented by two spaces, no newline at the end. 0 or a negative
 * errno. */
int oci_state_format(const struct oci_state *state, struct strbuf *buf) must_check;
/* Appends what a hook gets on its stdin: compact. pid is left out when it is 0. */
int oci_state_format_hook(const struct oci_state *state, struct strbuf *buf) must_check;

#endif
