/* The operations on containers, as the commands call them. State on disk is the only memory between
 * two of them. */
#ifndef RUNTIME_SANDBOX_SANDBOX_H
#define RUNTIME_SANDBOX_SANDBOX_H

#include <stdbool.h>
#include <stdint.h>
#include "base/error.h"
#include "runtime/cgroup/cgroup.h"

/* What `create` and `run` are asked for. Strings are the caller's. */
struct create_request {
	const char *root; /* absolute */
	const char *id;
	const char *bundle;	    /* NULL: the current directory */
	const char *pid_file;	    /* NULL: none */
	const char *console_socket; /* NULL: none */
	const char *config;	    /* NULL: found by the usual order */
	enum cgroup_manager cgroup_manager;
	int interrupt_fd;	/* a readable one ends the create, undone; -1: none */
	bool strict;		/* what can have no effect is an error */
	const char *image_path; /* of sandbox_restore(): directory of the checkpoint; else NULL */
	bool detach;		/* the caller does not stay: a terminal needs a console socket */
};

/*
 * Makes the sandbox and the container in it, up to the moment before its process is executed. On
 * failure nothing is left behind. *shim_pid (may be NULL) is the process that stands for the
 * container; it is a child of the caller until that exits.
 */
int sandbox_create(const struct create_request *request, int64_t *shim_pid, struct error *err)
	must_check;

/* Executes the container's process. -EINVAL with runc's words when it is not in the state created.
 */
int sandbox_start(const char *root, const char *id, struct error *err) must_check;

/* Sends a signal to the container's first process, or to all of them. Fails with "container not
 * running" when it has none, unless `all`. */
int sandbox_kill(const char *root, const char *id, int signo, bool all, struct error *err)
	must_check;

/* Removes a stopped or created container with all that belongs to it; with force a running one too,
 * and an unknown id is fine. */
int sandbox_delete(const char *root, const char *id, bool force, struct error *err) must_check;

#endif
