/* A call whose work may block, done by a worker: the slot is answered with what the work wrote, or
 * with its error. */
#ifndef AGENT_GUEST_TASK_H
#define AGENT_GUEST_TASK_H

#include "agent/guest/slots.h"

/* Runs in a forked child with a copy of everything at *arg; what it writes to out_fd becomes the
 * payload of the ACK. */
typedef int task_job(const void *arg, int out_fd, struct error *err);

/* Starts it; `arg` is not needed once this returns. The slot is answered in any case. */
void task_start(struct guest *guest, task_job *job, const void *arg, struct slot *slot);

/* Makes the calling worker a member of a process' mount namespace. Returns an O_PATH descriptor of
 * its root, from which nothing outside can be reached by fs_open_in_root(); -errno with err set. */
int task_enter_mounts(int pidfd, const char *container, struct error *err) must_check;

#endif
