/* Memory of processes as the kernel counts it, in KiB, to be summed up. */
#ifndef TESTS_BENCH_USAGE_H
#define TESTS_BENCH_USAGE_H

#include <stdint.h>
#include <sys/types.h>
#include "base/error.h"

struct usage {
	uint64_t rss;
	uint64_t pss;	  /* each shared page once among all who share it, so sums of it are true */
	uint64_t private; /* what would be free if the process ended */
};

/* Adds a process. */
int usage_add_process(pid_t pid, struct usage *usage, struct error *err) must_check;

/* Adds those mappings of it whose file's name begins with `prefix`; having none is an error. */
int usage_add_mappings(pid_t pid, const char *prefix, struct usage *usage, struct error *err)
	must_check;

#endif
