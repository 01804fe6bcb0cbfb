/* Running one hook: what is alike on the host and in the guest. */
#ifndef OCI_HOOKS_H
#define OCI_HOOKS_H

#include "base/spawn.h"
#include "oci/spec.h"
#include "oci/state.h"

/*
 * Runs number `i` of the hooks of a kind ("prestart"), with the state on its stdin, to its end or
 * its timeout. `spawn` says how and where: its path (NULL: the hook's), directory, descriptors
 * above 2 and what to do before. A hook without an environment gets `env`; NULL: the caller's own.
 * Errors name the hook and hold what it said; -ENOENT: the program, or what interprets it, is not
 * there.
 */
int oci_hook_run(const char *kind, size_t i, const struct oci_hook *hook,
		 const struct oci_state *state, const struct json_strs *env,
		 const struct spawn *spawn, struct error *err) must_check;

#endif
