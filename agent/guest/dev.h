/* Device nodes of a container. */
#ifndef AGENT_GUEST_DEV_H
#define AGENT_GUEST_DEV_H

#include "base/error.h"
#include "oci/spec.h"

/* Makes the default nodes and links and linux.devices below root_fd; nothing when /dev is a bind
 * mount. */
int dev_make_all(const struct oci_spec *spec, int root_fd, struct error *err) must_check;

#endif
