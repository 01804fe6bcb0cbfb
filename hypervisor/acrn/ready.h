/*
 * When a device model that has just been started can be spoken to: once it listens on all its
 * sockets. It makes them itself, so the files that are there before are taken away and the new ones
 * awaited.
 */
#ifndef HYPERVISOR_ACRN_READY_H
#define HYPERVISOR_ACRN_READY_H

#include <stdbool.h>
#include <sys/types.h>
#include "base/error.h"

enum { READY_SOCKETS_MAX = 8 };

struct ready {
	int inotify_fd;
	const char *paths[READY_SOCKETS_MAX];
	unsigned n;
};

#define READY_INIT               \
	{                        \
		.inotify_fd = -1 \
	}

/* Removes the socket at `path` (absolute; may be NULL or missing) and watches its directory.
 * -ENOTSOCK: something else is there. */
int ready_expect(struct ready *ready, const char *path, struct error *err) must_check;

/*
 * Waits until `pid` listens on all of them. -ECHILD: it has ended, -ETIMEDOUT. Connects to none of
 * them: the device model would take that for its one client.
 */
int ready_wait(const struct ready *ready, pid_t pid, int timeout_ms, struct error *err) must_check;

/* Removes the sockets of a device model that is gone. */
void ready_remove(const struct ready *ready);

void ready_done(struct ready *ready);

/* Does the text of a /proc/PID/net/unix have a listening socket at `path`? */
bool ready_is_listening(const char *text, const char *path);

#endif
