/* linux.maskedPaths and linux.readonlyPaths. */
#ifndef AGENT_GUEST_PATHS_H
#define AGENT_GUEST_PATHS_H

#include "base/error.h"
#include "oci/spec.h"

/* Hides and write-protects paths below root_fd. Paths that do not exist are skipped. */
int paths_apply(const struct oci_linux *spec, int root_fd, struct error *err) must_check;

#endif
