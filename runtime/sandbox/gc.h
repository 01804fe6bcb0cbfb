/* Removing what crashed commands and machines have left, by the code of `delete --force`. */
#ifndef RUNTIME_SANDBOX_GC_H
#define RUNTIME_SANDBOX_GC_H

#include <stdbool.h>
#include "base/error.h"

struct gc_request {
	const char *root; /* absolute */
	bool stopped;	  /* also containers that have ended and wait for their delete */
	bool dry_run;	  /* only tell */
	/* Called for each container, before it is removed. */
	void (*tell)(void *arg, const char *id, const char *why);
	void *arg;
};

/*
 * Goes through everything under root: creates that died half-way, damaged states, containers whose
 * machine and processes are gone, and processes whose directory is. What is in use or locked is
 * left alone. Goes on after a failure: *n_failed counts those, err has the last one. A missing root
 * is an empty one.
 */
int gc_run(const struct gc_request *request, unsigned *n_failed, struct error *err) must_check;

#endif
