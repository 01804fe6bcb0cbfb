/* The OCI hooks that run on the host, with the container's state on their stdin. */
#ifndef RUNTIME_SANDBOX_HOOKS_H
#define RUNTIME_SANDBOX_HOOKS_H

#include "oci/spec.h"
#include "oci/state.h"

/*
 * Runs the hooks one after the other; the first failure stops and is reported with the hook's
 * output. `kind` ("prestart") is for messages. cwd is the bundle.
 */
int hooks_run(const char *kind, const struct json_objs *hooks, const struct oci_state *state,
	      struct error *err) must_check;

/* Runs all of them whatever happens; failures are logged as warnings. For poststop. */
void hooks_run_all(const char *kind, const struct json_objs *hooks, const struct oci_state *state);

/* The poststop hooks of a container that is gone; `hooks` may be NULL. */
void hooks_run_poststop(const struct oci_hooks *hooks, const struct oci_state *state);

#endif
