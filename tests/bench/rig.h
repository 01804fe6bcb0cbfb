/* What every measurement stands on: options, bundle, configuration, and how programs are run. */
#ifndef TESTS_BENCH_RIG_H
#define TESTS_BENCH_RIG_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include "base/arena.h"
#include "oci/spec.h"
#include "runtime/config/config.h"
#include "runtime/factory/machine.h"
#include "tests/bench/stats.h"

enum { RIG_TIMEOUT_MS = 120000 };

struct rig {
	/* options */
	const char *acrun;
	const char *bundle;	   /* absolute; runs `true` */
	const char *sleeper;	   /* the same root, runs `sleep` */
	const char *filtered;	   /* as bundle, with a filter of system calls; NULL: none */
	const char *config_path;   /* templates on; NULL: the default */
	const char *cold_config;   /* templates off */
	const char *cached_config; /* with the machine cache; NULL: none */
	const char *runc, *crun;   /* NULL: not installed */
	const char *empty_static, *empty_dynamic;
	const char *self; /* this program */
	const char *json_dir;
	uint32_t rounds;
	/* made of them */
	struct arena arena;
	struct config config;
	struct config cached; /* of cached_config */
	struct machine shape;
	struct oci_spec spec; /* of the bundle */
	char dir[64];	      /* scratch */
	const char *root;     /* acrun's --root, in it */
	const char *runc_root;
};

/* Loads and makes. rig_done() also after a failure. */
int rig_init(struct rig *rig, struct error *err) must_check;
void rig_done(struct rig *rig);

/* Which runtime a command line is for. */
enum rig_runtime { RIG_ACRUN, RIG_ACRUN_COLD, RIG_ACRUN_CACHED, RIG_RUNC, RIG_CRUN };
enum { RIG_ARGV_MAX = 24 };

/* Is it there to be measured? */
bool rig_has(const struct rig *rig, enum rig_runtime runtime);

/* argv of `<runtime> <its global options> words...`; words is NULL-terminated. */
void rig_argv(const struct rig *rig, enum rig_runtime runtime, const char *const *words,
	      const char *argv[RIG_ARGV_MAX]);

/* Runs a program without output to its end; an exit code other than 0 is an error. *ms may be NULL.
 */
int rig_run(const char *const *argv, double *ms, struct error *err) must_check;

/* As rig_run(), of a runtime, and a sample in figure (may be NULL). */
int rig_time(const struct rig *rig, enum rig_runtime runtime, const char *const *words,
	     struct figure *figure, struct error *err) must_check;

/* Waits until the cache has all its machines again. */
int rig_await_cache(const struct rig *rig, struct error *err) must_check;

/* Starts a program with stdin and stdout as given (-1: /dev/null); stderr is ours. */
int rig_spawn(const char *const *argv, int in_fd, int out_fd, pid_t *pid, struct error *err)
	must_check;

/* Waits for it; another exit code than 0 is an error. */
int rig_wait(pid_t pid, const char *what, struct error *err) must_check;

/* Removes a container, whatever it is; failures don't matter. */
void rig_remove(const struct rig *rig, enum rig_runtime runtime, const char *id);

#endif
