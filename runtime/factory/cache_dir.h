/*
 * The VM cache on disk: <endpoint>.d/<uuid>/ holds one machine's sockets, log and share, and one
 * small file that names its VMM and tells by its own name whose the machine is:
 *
 *   making  the server's, not ready; written by the VMM's process before it executes anything
 *   pooled  the server's, ready
 *   taken   a sandbox': it has been claimed, and goes by the sandbox' delete
 *   dead    nobody's: somebody is removing it
 *
 * Whoever wants a machine renames the file, so that of a create and a sweep exactly one gets it,
 * whoever is killed at whatever moment. The server holds a lock on <endpoint>.d as long as it
 * lives, and so does each of its children until it executes its program. Who has the lock knows
 * that all that is neither claimed nor dead has lost its server, and that every VMM has its file.
 */
#ifndef RUNTIME_FACTORY_CACHE_DIR_H
#define RUNTIME_FACTORY_CACHE_DIR_H

#include <stdbool.h>
#include "base/arena.h"
#include "base/error.h"
#include "base/proc.h"

/* The directory that belongs to an endpoint; NULL when out of memory. */
char *cache_dir_path(const char *endpoint, struct arena *arena);

/* Opens the directory, making it if `make`; -ENOENT when there is none. One that others could have
 * written to is -EPERM. Returns the fd. */
int cache_dir_open(const char *path, bool make, struct error *err) must_check;

/* Records the calling process as VMM of the machine whose directory machine_fd is: to be called
 * before it is executed. */
int cache_machine_record_self(int machine_fd, struct error *err) must_check;
/* The machine is ready to be claimed. */
int cache_machine_publish(int machine_fd, struct error *err) must_check;
/* Claims the machine for a sandbox. -ENOENT: the server or a sweep was faster. */
int cache_machine_claim(int machine_fd) must_check;
/* Has it been claimed? */
bool cache_machine_is_claimed(int machine_fd);

/* Ends a machine that nobody has claimed and removes its directory; a claimed one is left alone.
 * May run twice. Leaf: 0 or -errno. */
int cache_machine_end(int dir_fd, const char *uuid) must_check;
/* The same for what a sandbox has claimed, when its VMM is gone. */
int cache_machine_remove(const char *machine_dir) must_check;

/* Takes the server's lock, waiting at most timeout_ms: -ETIMEDOUT while a server lives. */
int cache_dir_lock(int dir_fd, int timeout_ms) must_check;
/* With the lock: ends every machine that has lost its server. Claimed ones stay while they live. */
void cache_dir_sweep(int dir_fd);

#endif
