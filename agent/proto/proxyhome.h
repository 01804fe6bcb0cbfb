/*
 * The files of a sandbox's proxy beside its socket, and how whoever finds it dead starts another in
 * its place: a command of the runtime or a shim. One does it at a time; the others find the new
 * socket.
 */
#ifndef AGENT_PROTO_PROXYHOME_H
#define AGENT_PROTO_PROXYHOME_H

#include "base/error.h"
#include "base/proc.h"

#define PROXYHOME_SOCKET   "proxy.sock"
#define PROXYHOME_LOG	   "proxy.log"
#define PROXYHOME_SESSIONS "proxy.sessions" /* what it remembers: the proxy's own */
#define PROXYHOME_ARGS	   "proxy.args"	    /* how it was started */
#define PROXYHOME_PID	   "proxy.pid"	    /* which process it is */
#define PROXYHOME_LOCK	   "proxy.lock"

/* Keeps the command line (NULL-terminated, argv[0] the absolute path, without -listen-fd) in the
 * sandbox's directory: before the proxy is started. */
int proxyhome_save(int dir_fd, const char *const *argv, struct error *err) must_check;

/*
 * Makes sure that a proxy listens: does nothing when one does, else starts one, a child of ours.
 * Waits up to timeout_ms for others that are at it (0: not at all; that uses no alarm). -EAGAIN or
 * -ETIMEDOUT when they still are, -ENOENT when the sandbox keeps no command line.
 */
int proxyhome_revive(int dir_fd, int timeout_ms, struct error *err) must_check;

/* Writes down which process serves the sandbox. */
int proxyhome_note(int dir_fd, const struct proc_id *id, struct error *err) must_check;
/* Which process serves the sandbox: `first`, unless another took its place. */
struct proc_id proxyhome_find(int dir_fd, const struct proc_id *first);
/* Waits until that process has ended; -ETIMEDOUT when it still runs. */
int proxyhome_wait_gone(int dir_fd, const struct proc_id *first, int timeout_ms) must_check;

/* Ends a proxy that was started in place of the first, and sees to it that none is any more. Fine
 * when there is none. */
void proxyhome_end(int dir_fd);

#endif
