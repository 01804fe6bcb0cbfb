/* Files that are handed to the guest's agent and fetched from it, piece by piece. They are the
 * guest's own, not a container's. */
#ifndef RUNTIME_AGENT_CLIENT_FILES_H
#define RUNTIME_AGENT_CLIENT_FILES_H

#include "runtime/agent_client/client.h"

/* Makes the guest's file `name` of the first `size` bytes of fd. */
int files_put(struct client *client, const char *name, int fd, uint64_t size,
	      const struct client_wait *wait, struct error *err) must_check;

/* Appends `size` bytes of the guest's file `name` to out_fd. -EREMOTEIO when it has fewer. */
int files_get(struct client *client, const char *name, uint64_t size, int out_fd,
	      const struct client_wait *wait, struct error *err) must_check;

#endif
