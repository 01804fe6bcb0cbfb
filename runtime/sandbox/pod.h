/*
 * Pods: several containers in the machine of one of them, the sandbox. Each has its own directory
 * and state; those of the others name the sandbox, and the sandbox's directory has an entry for
 * each of them in "pod/". Who holds a container's lock may take its sandbox's, never the other way
 * round.
 */
#ifndef RUNTIME_SANDBOX_POD_H
#define RUNTIME_SANDBOX_POD_H

#include "runtime/sandbox/store.h"

/*
 * The container whose machine the container `id` of that spec belongs into: the one that its
 * annotations name, by id or name, else the one that has the network namespace it joins. *sandbox
 * is NULL when it gets a machine of its own. -ENOENT when it cannot do without a sandbox that is
 * not there.
 */
int pod_find_sandbox(const char *root, const char *id, const struct oci_spec *spec,
		     struct arena *arena, const char **sandbox, struct error *err) must_check;

/* The container that process `pid` stands for on the host, NULL when it stands for none. */
const char *pod_find_by_pid(const char *root, int64_t pid, struct arena *arena);
/* The same for the process whose namespace of that type `path` is ("/proc/PID/ns/net"). */
const char *pod_find_by_path(const char *root, const char *path, const char *type,
			     struct arena *arena);

/* Enters a container into its sandbox's list, and takes it out again. */
int pod_add(const struct record *rec, struct error *err) must_check;
void pod_remove(const struct record *rec);

/* The others in the machine of this sandbox; those whose state is gone are left out. Strings live
 * in arena. */
int pod_list(const struct record *sandbox, const char *root, struct arena *arena,
	     struct json_strs *ids, struct error *err) must_check;
/* The first of them that has not stopped, and what it does; *id is NULL when all have. */
int pod_find_running(const struct record *sandbox, const char *root, struct arena *arena,
		     const char **id, enum oci_status *status, struct error *err) must_check;

#endif
