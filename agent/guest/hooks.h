/* The hooks that run in the guest: createContainer, by programs of the host that lie in the share,
 * and startContainer, by programs of the container. */
#ifndef AGENT_GUEST_HOOKS_H
#define AGENT_GUEST_HOOKS_H

#include <stddef.h>
#include "agent/guest/launch.h"

/* How many createContainer hooks there are. */
size_t hooks_count(const struct oci_spec *spec);
/* Opens their programs, with the guest's own root; `programs` has hooks_count() places. */
int hooks_open(const struct oci_spec *spec, int *programs, struct error *err) must_check;
/* Runs them in the caller's namespaces, its root being still the guest's and the directory root_fd
 * the container's. Where the guest lacks what interprets or links a program, the container's root
 * is the program's. */
int hooks_run_create(const struct launch *launch, int root_fd, const int *programs,
		     struct error *err) must_check;
/* Runs startContainer, as the process and where it stands. */
int hooks_run_start(const struct launch *launch, struct error *err) must_check;

#endif
