/* linux.sysctl of a container. */
#ifndef AGENT_GUEST_SYSCTL_H
#define AGENT_GUEST_SYSCTL_H

#include "base/error.h"
#include "base/json.h"

/* Writes each below /proc/sys, in the caller's namespaces. */
int sysctl_apply(const struct json_map *sysctl, struct error *err) must_check;

#endif
