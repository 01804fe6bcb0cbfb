/* The device rules of linux.resources, as a program of the container's cgroup (version 2 has no
 * other way). */
#ifndef AGENT_GUEST_DEVFILTER_H
#define AGENT_GUEST_DEVFILTER_H

#include "base/error.h"
#include "base/strbuf.h"
#include "oci/spec.h"

/*
 * Appends the program (struct bpf_insn each) for rules (struct oci_device_cgroup). A later rule
 * beats an earlier one; what every container has (null, zero, terminals, making nodes) is allowed
 * behind them, as by runc, and what no rule speaks of is denied. -EINVAL for rules that make no
 * sense.
 */
int devfilter_compile(const struct json_objs *rules, struct strbuf *program, struct error *err)
	must_check;
/* Attaches that program to the cgroup (absolute path). No rules at all: no filter. */
int devfilter_attach(const char *cgroup, const struct json_objs *rules, struct error *err)
	must_check;

#endif
