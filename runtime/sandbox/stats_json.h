/* The figures of a container in the form of runc's `events`. */
#ifndef RUNTIME_SANDBOX_STATS_JSON_H
#define RUNTIME_SANDBOX_STATS_JSON_H

#include "agent/proto/calls_control.h"
#include "base/strbuf.h"

/* Appends {"type":"stats","id":...,"data":{...}} without a newline. */
int stats_json_format(const char *id, const struct call_stats *stats, struct strbuf *out)
	must_check;
/* Appends an event without data: {"type":"oom","id":...}. */
int stats_json_format_event(const char *id, const char *type, struct strbuf *out) must_check;

#endif
