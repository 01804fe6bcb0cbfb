/* A running sandbox that is put under load, and what the loads have in common. */
#ifndef TESTS_STRESS_POD_H
#define TESTS_STRESS_POD_H

#include <stdint.h>
#include <sys/types.h>
#include "base/strbuf.h"
#include "oci/spec.h"
#include "runtime/sandbox/attach.h"
#include "runtime/sandbox/store.h"

enum { POD_TIMEOUT_MS = 300000 };

struct pod {
	const char *acrun; /* absolute path of the program */
	const char *root;
	const char *id;
	struct record rec;
	struct arena arena;
	struct oci_spec spec; /* of its bundle, as the agent wants it */
	const char *rootfs;   /* of its container, relative to the share */
	const char *uri;      /* of its proxy */
};

/* acrun, root and id are the caller's to set. pod_close() also after a failure. */
int pod_open(struct pod *pod, struct error *err) must_check;
void pod_close(struct pod *pod);

/* A connection to the proxy, attached. attach_done(wait) and client_close() are the caller's. */
int pod_connect(const struct pod *pod, struct client *client, struct client_wait *wait,
		struct error *err) must_check;

/* A process of ours with pipes; -1 in fds: not ours to read or write. */
struct worker {
	pid_t pid;
	int in, out, err;
	struct strbuf got; /* what was read from out */
};

#define WORKER_INIT                                      \
	{                                                \
		.pid = 0, .in = -1, .out = -1, .err = -1 \
	}

struct spawn;
/* Starts it with a pipe on stdout, and one on stdin (else /dev/null) and stderr (else ours) when
 * asked. */
int worker_start(struct worker *worker, struct spawn *spawn, bool in, bool err_too,
		 struct error *err) must_check;
/* Reads out to its end, or to the first line feed when `line`. */
int worker_read(struct worker *worker, bool line, struct error *err) must_check;
/* Waits for the end; another exit code is an error. */
int worker_end(struct worker *worker, int code, struct error *err) must_check;
/* Kills what still runs, closes, frees. */
void worker_done(struct worker *worker);

/* `<acrun> --root ROOT exec ID words...` with the worker's pipes. */
int pod_exec(const struct pod *pod, const char *const *words, bool err_too, struct worker *worker,
	     struct error *err) must_check;

/* The loads; each prints a line about what it did. */
typedef int load_fn(struct pod *pod, uint32_t count, struct error *err);
load_fn load_commands;	 /* of each of 16 clients */
load_fn load_execs;	 /* at once */
load_fn load_output;	 /* MiB */
load_fn load_containers; /* at once, beside the sandbox's own */

#endif
