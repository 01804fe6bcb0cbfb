/* A line of a proxy's journal (PROXYHOME_SESSIONS): the proxy's own, and of whoever makes one for a
 * proxy that shall begin where another stood. */
#ifndef AGENT_PROTO_JOURNAL_LINE_H
#define AGENT_PROTO_JOURNAL_LINE_H

#include <stdbool.h>
#include <stdint.h>
#include "base/json.h"

struct journal_line {
	const char *op; /* "vm", "token", "session", "started", "end" or "next" */
	const char *sandbox, *ctl, *tty, *console, *key;
	bool link;
	uint32_t epoch; /* in "next"; of the proxy that wrote it */
	const char *token, *container, *process;
	uint64_t stdio;
	bool exec, kill, started, transient;
};

extern const struct json_type journal_line_type;

#endif
