/* The only place that forks. A child is described by a struct spawn; what goes wrong in it before
 * exec comes back as an error. */
#ifndef BASE_SPAWN_H
#define BASE_SPAWN_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include "base/error.h"

struct spawn_fd {
	int from; /* descriptor of ours */
	int to;	  /* number in the child */
};

enum { SPAWN_FDS_MAX = 32, SPAWN_NS_MAX = 8 };

/*
 * Zero-initialise, then fill. stdin/stdout/stderr that no row of `fds` maps become /dev/null.
 * All other descriptors (inherited ones as well) are closed in the child.
 */
struct spawn {
	const char *path;	 /* absolute path of the program */
	const char *const *argv; /* NULL-terminated */
	const char *const *envp; /* NULL-terminated; NULL: environ */
	const char *cwd;	 /* NULL: unchanged */
	struct spawn_fd fds[SPAWN_FDS_MAX];
	size_t n_fds;
	int join_ns[SPAWN_NS_MAX]; /* namespace descriptors to setns() in this order */
	size_t n_join_ns;
	int unshare_flags; /* CLONE_NEW* after the joins */
	bool setsid;	   /* own session */
	int ctty_fd; /* with setsid: number *in the child* to make the controlling terminal; -1 or
			0-without-set_ctty: none */
	bool set_ctty;
	/*
	 * Runs in the child after the namespaces and before exec (mounts and the like). Non-zero
	 * stops the spawn; err is carried back to the parent. May be NULL.
	 */
	int (*prepare)(void *arg, struct error *err);
	void *prepare_arg;
};

/*
 * Forks and execs. Returns 0 with *pid set once exec has happened; otherwise the child is reaped
 * and err says what failed. Signal mask and dispositions are reset, PDEATHSIG is cleared in the
 * child.
 */
int spawn_start(const struct spawn *sp, pid_t *pid, struct error *err) must_check;

/*
 * Runs fn(arg, err) in a forked child that executes nothing, and waits for its end: for what must
 * not happen to this process, like entering another mount namespace. The child has copies of all
 * memory and descriptors, so only its effects on the system stay. Returns what fn does, with its
 * err; -ECHILD when the child was killed.
 */
int spawn_call(int (*fn)(void *arg, struct error *err), void *arg, struct error *err) must_check;

/*
 * Makes a user namespace that no process lives in, for mount_setattr(2). The maps are lines as the
 * kernel's uid_map and gid_map take them. Returns its descriptor; -EINVAL when the kernel does not
 * like a map.
 */
int spawn_userns(const char *uid_map, const char *gid_map, struct error *err) must_check;

/* Waits for a child. *status as waitpid(2). timeout_ms < 0 for ever; -ETIMEDOUT leaves it running.
 * Uses a pidfd, no polling. */
int spawn_wait(pid_t pid, int timeout_ms, int *status) must_check;

/* Exit status as a shell reports it: the code, or 128 + signal. */
int spawn_exit_code(int status);

/*
 * Runs a short-lived program to its end: feeds `input` (may be NULL) to its stdin, collects up to
 * out_max bytes of stdout+stderr in `output` (may be NULL). After timeout_ms (< 0: none) it is
 * killed (with its process group when sp->setsid) and -ETIMEDOUT returned. *code as
 * spawn_exit_code(). Output beyond out_max is read and dropped; input that the program does not
 * read is no error; processes that it leaves behind are not waited for.
 */
struct strbuf;
int spawn_run(const struct spawn *sp, const void *input, size_t input_len, struct strbuf *output,
	      size_t out_max, int timeout_ms, int *code, struct error *err) must_check;

#endif
