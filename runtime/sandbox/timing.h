/*
 * How long the phases of a command took: told to the debug log as they end, to the trace file, and
 * kept beside the container's state for `acrun state --timing`. Kept in files of their own:
 * state.json stays small and its last write can be timed too, and many execs append without a lock.
 */
#ifndef RUNTIME_SANDBOX_TIMING_H
#define RUNTIME_SANDBOX_TIMING_H

#include <stdbool.h>
#include <stdint.h>
#include "base/error.h"
#include "base/strbuf.h"

/* Begins a command ("create"); id must stay until timing_end(). Returns the time. */
int64_t timing_begin(const char *command, const char *id);
/* A phase that began at begun_us of clock_now_us() ends now, with ret. */
void timing_phase(const char *name, int64_t begun_us, int ret);
/*
 * From here on the phases belong to the container whose open directory is dir_fd; best called with
 * its lock held. A command that a container may see any number of times is `repeated`: of such ones
 * only the last some hundred phases are kept.
 */
void timing_keep(int dir_fd, bool repeated);
/* Ends the command with ret and writes its phases, plus one called "total". Does nothing without a
 * timing_begin(). Failures to keep them are told to the debug log only. */
void timing_end(int ret);

/* Appends what was kept, as a JSON document {"id", "timing":
 * [{"command","pid","name","begin","duration"}]} with microseconds since the begin of the command.
 */
int timing_format(int dir_fd, const char *id, struct strbuf *out, struct error *err) must_check;

#endif
