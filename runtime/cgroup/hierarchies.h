/* The hierarchies that are mounted on the host, and where the caller is in them. */
#ifndef RUNTIME_CGROUP_HIERARCHIES_H
#define RUNTIME_CGROUP_HIERARCHIES_H

#include <stdbool.h>
#include <stddef.h>
#include "base/arena.h"
#include "base/error.h"

enum { HIERARCHIES_MAX = 32 };

struct hierarchy {
	bool unified;
	const char *options; /* of version 1: "cpu,cpuacct", "name=systemd" */
	const char *mount;
	const char *root; /* what of it is mounted there */
	const char *own;  /* the caller's cgroup; "/" when it is not told */
};

struct hierarchies {
	struct hierarchy items[HIERARCHIES_MAX];
	size_t len;
	bool only_unified; /* version 2 alone */
};

/* From the texts of /proc/self/mountinfo and /proc/self/cgroup; strings live in arena. Lines that
 * cannot be read are left out. -ENOMEM. */
int hierarchies_parse(const char *mountinfo, const char *self, struct arena *arena,
		      struct hierarchies *out) must_check;

#endif
