/* What is asked of a container that exists: its processes, a pause, other limits, its figures and
 * events. */
#ifndef RUNTIME_SANDBOX_CONTROL_H
#define RUNTIME_SANDBOX_CONTROL_H

#include <stdbool.h>
#include "base/strbuf.h"
#include "oci/spec.h"

/* Appends what `ps` prints: a table as these arguments of ps want it, or a JSON array of pids
 * (those of the guest), both with their last newline. */
int sandbox_ps(const char *root, const char *id, bool table, const struct json_strs *args,
	       struct strbuf *out, struct error *err) must_check;

/* Stops all processes where they are, until they are resumed. A container that is not running (or
 * not paused) is -EINVAL with runc's words. */
int sandbox_pause(const char *root, const char *id, struct error *err) must_check;
int sandbox_resume(const char *root, const char *id, struct error *err) must_check;

/* Changes the limits that are set in `resources`; the virtual machine grows first where they need
 * that. */
int sandbox_update(const char *root, const char *id, const struct oci_linux_resources *resources,
		   struct error *err) must_check;

/* One line to print; false ends the watching. */
typedef bool events_line(void *arg, const char *line);

/*
 * Tells runc's lines of JSON: with interval_ms 0 the figures of now, once; else figures every
 * interval_ms, and what happens to the container, until it ends.
 */
int sandbox_events(const char *root, const char *id, int64_t interval_ms, events_line *print,
		   void *arg, struct error *err) must_check;

#endif
