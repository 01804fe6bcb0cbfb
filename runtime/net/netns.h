/* The sandbox's network namespace: joined by path, made new, or the caller's own. */
#ifndef RUNTIME_NET_NETNS_H
#define RUNTIME_NET_NETNS_H

#include "base/error.h"
#include "oci/spec.h"

/*
 * Descriptor of the namespace that spec asks for: an existing one by its path, or a new one that
 * lives as long as a descriptor or process is in it. *fd is -1 when spec lists no network namespace
 * (the caller's is used).
 */
int netns_open(const struct oci_spec *spec, int *fd, struct error *err) must_check;

#endif
