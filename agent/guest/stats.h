/* The figures of a container's cgroup. */
#ifndef AGENT_GUEST_STATS_H
#define AGENT_GUEST_STATS_H

#include "base/arena.h"
#include "base/error.h"
#include "agent/proto/calls_control.h"

/* Reads everything that the kernel gives; what it does not give is 0. Strings and arrays live in
 * arena. */
int stats_collect(int cgroup_fd, struct arena *arena, struct call_stats *stats, struct error *err)
	must_check;

/* Reads "some avg10=... total=..." lines; false when they are none. */
bool stats_parse_psi(const char *text, struct call_psi *psi);
/* Reads lines "8:0 rbytes=1 ...": rows has room for max. Returns how many there are. */
size_t stats_parse_io(const char *text, struct call_stats_io *rows, size_t max);

#endif
