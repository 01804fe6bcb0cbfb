/* One cgroup (v2) for each container. */
#ifndef AGENT_GUEST_CGROUP_H
#define AGENT_GUEST_CGROUP_H

#include <signal.h>
#include <stdint.h>
#include <sys/types.h>
#include "base/error.h"
#include "base/json.h"
#include "oci/spec.h"

/* Makes the parent of all containers' cgroups and enables every controller there. Failures are
 * logged. */
void cgroup_init(void);
/* Makes a container's cgroup. Returns a descriptor of it. */
int cgroup_make(const char *id, struct error *err) must_check;
/* Applies limits; `resources` may be NULL. */
int cgroup_set_resources(int cgroup_fd, const struct oci_linux_resources *resources,
			 struct error *err) must_check;
/* Reads the number behind a key of an open file of lines "key number", from its begin; that also
 * makes ready for the file's next event. -1 when it is not there. */
int64_t cgroup_read_key(int fd, const char *key);
/* Sends a signal to every process in it and below; SIGKILL by cgroup.kill. 0 or -errno. */
int cgroup_signal(int cgroup_fd, int signo);
/* Collects the processes in it and below into *pids (malloc). Returns their number, or -errno. */
ssize_t cgroup_pids(int cgroup_fd, pid_t **pids) must_check;
/* Removes it with everything below. */
void cgroup_remove(const char *id);

#endif
