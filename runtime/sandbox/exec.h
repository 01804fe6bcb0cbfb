/* Executing a further process in a container. */
#ifndef RUNTIME_SANDBOX_EXEC_H
#define RUNTIME_SANDBOX_EXEC_H

#include <stdbool.h>
#include <stdint.h>
#include "base/arena.h"
#include "base/error.h"
#include "base/json.h"
#include "oci/spec.h"

/* What `exec` is asked for. Strings are the caller's; NULL ones are not given. */
struct exec_request {
	const char *root; /* absolute */
	const char *id;
	const char *
		process_file; /* a process object as JSON; what follows up to caps is unused then */
	struct json_strs args;
	struct json_strs env; /* added to the bundle's */
	struct json_strs gids;
	struct json_strs caps;
	const char *cwd;
	const char *user; /* "UID[:GID]" */
	bool terminal;
	bool no_new_privs;
	bool ignore_paused;
	const char *console_socket;
	const char *pid_file;
	int interrupt_fd; /* a readable one gives up; -1: none */
	bool detach;	  /* the caller does not stay: a terminal needs a console socket */
};

/*
 * Starts the process; it runs when 0 is returned. *shim_pid is the process that stands for it, a
 * child of the caller until that exits with its exit code.
 */
int sandbox_exec(const struct exec_request *request, int64_t *shim_pid, struct error *err)
	must_check;

/* The process that is asked for, checked, from the request's file or that of the bundle changed by
 * the request. */
int exec_read_process(const struct exec_request *request, const char *bundle, struct arena *arena,
		      struct oci_process *process, struct error *err) must_check;

#endif
