/*
 * Cgroups of the host: where the processes that stand for a container (machine, proxy, shims) are
 * accounted and limited. The container's own limits hold in the guest; those here leave room for
 * the machine. Version 1, version 2 and both at once, as /proc/self/mountinfo tells.
 */
#ifndef RUNTIME_CGROUP_CGROUP_H
#define RUNTIME_CGROUP_CGROUP_H

#include <stdint.h>
#include <sys/types.h>
#include "base/arena.h"
#include "base/error.h"
#include "base/json.h"
#include "oci/spec.h"

enum cgroup_manager {
	CGROUP_FS,	/* linux.cgroupsPath is a path */
	CGROUP_SYSTEMD, /* it is SLICE:PREFIX:NAME */
	CGROUP_DISABLED,
};

/* "cgroupfs", "systemd" or "disabled"; -EINVAL names what there is. */
int cgroup_parse_manager(const char *name, enum cgroup_manager *manager, struct error *err)
	must_check;

/*
 * Works out the directories of a container, one for each hierarchy; nothing is made. cgroups_path
 * may be NULL: then it is called `name`, below the caller's cgroup (version 2: beside it). An
 * absolute path begins at the root of the hierarchy, a relative one where `name` would. dirs and
 * what it names live in arena; none where no hierarchy is mounted. -EINVAL for a path that cannot
 * be.
 */
int cgroup_plan(const char *cgroups_path, enum cgroup_manager manager, const char *name,
		struct arena *arena, struct json_strs *dirs, struct error *err) must_check;

/* Makes them, with what is missing above. Fine where they exist, but not with processes in them or
 * frozen: then -EBUSY, and nothing was made. */
int cgroup_make(const struct json_strs *dirs, struct error *err) must_check;

/* Puts a process (0: the caller) into all of them, with its threads. */
int cgroup_join(const struct json_strs *dirs, pid_t pid, struct error *err) must_check;

/*
 * Sets the limits of config.json that make sense for the machine as a whole: memory (at least what
 * the machine has, vm_memory_mib, and room for the processes around it), cpu and cpuset. resources
 * may be NULL.
 */
int cgroup_limit(const struct json_strs *dirs, const struct oci_linux_resources *resources,
		 uint32_t vm_memory_mib, struct error *err) must_check;

/* Raises a memory limit, if there is one, to what a machine of that size needs. */
int cgroup_make_room(const struct json_strs *dirs, uint32_t vm_memory_mib, struct error *err)
	must_check;

/* Removes them; what was made above stays. Fine when they are gone. -EBUSY when processes that are
 * not ours have come. */
int cgroup_remove(const struct json_strs *dirs, struct error *err) must_check;

#endif
