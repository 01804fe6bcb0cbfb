/* linux.sysctl of a container. */
#ifndef AGENT_GUEST_SYSCTL_H
#define AGENT_GUEST_SYSCTL_H

#include <sys/types.h>
#include "base/error.h"
#include "base/json.h"

/* Writes each below /proc/sys, in the caller's namespaces. What its root may not is tried as `root`
 * once more: some kernels let only the owner of an IPC namespace set what is in there. */
int sysctl_apply(const struct json_map *sysctl, uid_t root, struct error *err) must_check;

#endif
