/* PSCONTAINER: the processes of a container. */
#ifndef AGENT_GUEST_PS_H
#define AGENT_GUEST_PS_H

#include "agent/guest/container.h"
#include "base/strbuf.h"

/* format "json": "[1,2]"; "table": header and one line a process. */
int ps_list(const struct container *container, const char *format, struct strbuf *out,
	    struct error *err) must_check;

#endif
