/* The process on the host that stands for one in the guest, and its terminal: what create and exec
 * share. */
#ifndef RUNTIME_SANDBOX_SHIM_H
#define RUNTIME_SANDBOX_SHIM_H

#include <stdbool.h>
#include <stdint.h>
#include "base/error.h"
#include "base/proc.h"
#include "base/spawn.h"
#include "oci/spec.h"

/* The agreement between process.terminal and how the caller wants to see it. -EINVAL. */
int shim_check_terminal(bool detach, bool terminal, const char *console_socket, struct error *err)
	must_check;

/*
 * Makes a pseudo terminal and sends its master to the socket at socket_path; *slave_fd is the
 * caller's to close. size may be NULL.
 */
int shim_open_console(const char *socket_path, const struct oci_console_size *size, int *slave_fd,
		      struct error *err) must_check;

/* In the container's directory: how many bytes of stdout and stderr its shim has written, two u64.
 * Whoever stops the shim knows by it which output was delivered. */
#define SHIM_COUNTS_FILE "shim.counts"
enum { SHIM_COUNTS_LEN = 16 };

struct shim {
	const char *path; /* of the program */
	const char *id;	  /* of the container */
	const char *dir;  /* of the sandbox: where its proxy listens */
	const char *token;
	int pty_slave_fd; /* its terminal; -1: stdio is ours */
	int netns_fd;	  /* that it joins; -1: ours */
	int counts_fd;	  /* file of SHIM_COUNTS_LEN bytes in which it counts output; -1: none */
	const char *from; /* as its option -from: the process runs already; NULL: it does not */
	bool own_session; /* it does not share ours, and our terminal */
	/* Where it sees the files of (view.h): of another, or of a directory (NULL: of none). */
	const struct proc_id *like;
	const char *rootfs;
	bool readonly; /* rootfs */
	/* Runs in it before its program does, so that no process of ours is ever unknown. */
	int (*record)(void *arg, struct error *err);
	void *record_arg;
};

/* Starts it, a child of ours, and waits until it has the container's files for its own: from then
 * on nobody gets at the host's by it. */
int shim_start(const struct shim *shim, struct proc_id *id, struct error *err) must_check;

/* Spawns sp in a network namespace (-1: ours) and names the child in *id. */
int shim_spawn(struct spawn *sp, int netns_fd, struct proc_id *id, struct error *err) must_check;

/* Writes the file that --pid-file asks for. */
int shim_write_pid_file(const char *path, int64_t pid, struct error *err) must_check;

#endif
