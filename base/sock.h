/* Unix sockets, of any path length, with descriptors and peer credentials. Leaf: -errno. */
#ifndef BASE_SOCK_H
#define BASE_SOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include "base/error.h"

/* Listening SOCK_STREAM socket at dir/name (through /proc/self/fd, so the path may be long); an old
 * socket file is removed, anything else there is -EEXIST. The last component is at most about 85
 * bytes. Mode is applied. */
int sock_listen_at(int dir, const char *name, mode_t mode, int backlog) must_check;
/* Connects (blocking); dir may be AT_FDCWD with an absolute path of any length. Returns the fd
 * (O_CLOEXEC, blocking); -EAGAIN when a listener with a full queue takes nobody for 10 s. */
int sock_connect_at(int dir, const char *name) must_check;
/* Accepts one connection, O_CLOEXEC, non-blocking when asked. */
int sock_accept(int fd, bool nonblock) must_check;
/* SO_PEERCRED. */
int sock_peer(int fd, pid_t *pid, uid_t *uid) must_check;
/* Sends text with one descriptor attached (SCM_RIGHTS), as runc does for the console: the body is
 * `text`. */
int sock_send_fd(int sock, int fd, const char *text) must_check;
/* Sets or clears O_NONBLOCK. */
int sock_set_nonblock(int fd, bool on) must_check;
/* Waits until fd is readable (POLLIN or hang-up). 1 ready, 0 timeout, -errno. timeout_ms < 0 waits
 * for ever. */
int sock_wait_readable(int fd, int timeout_ms) must_check;

#endif
