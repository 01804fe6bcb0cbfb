/* Capabilities of a container's process. */
#ifndef AGENT_GUEST_CAPS_H
#define AGENT_GUEST_CAPS_H

#include <stdint.h>
#include "base/error.h"
#include "oci/spec.h"

/* The five sets as bit masks. */
struct caps {
	uint64_t bounding, effective, inheritable, permitted, ambient;
};

/* Names to bits; unknown names are skipped, as runc does. NULL means none at all. */
void caps_parse(const struct oci_capabilities *names, struct caps *caps);

/* Before the change of user: cuts the bounding set and keeps capabilities across it. */
int caps_prepare(const struct caps *caps, struct error *err) must_check;
/* After it: sets the others for good. */
int caps_apply(const struct caps *caps, struct error *err) must_check;

#endif
