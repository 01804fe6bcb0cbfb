/* What this host is: for `acrun check` and `acrun env`. */
#ifndef RUNTIME_CHECK_HOST_H
#define RUNTIME_CHECK_HOST_H

#include <stdbool.h>
#include <stdint.h>
#include "base/arena.h"
#include "base/error.h"

/* Unknown text is "", unknown numbers are 0. Text lives in the arena given. */
struct host_facts {
	const char *kernel;	  /* release */
	const char *architecture; /* "x86_64" */
	const char *distro_name, *distro_version;
	const char *cpu_vendor, *cpu_model;
	const char *cpu_flags; /* " fpu vme ... ": each word between spaces */
	uint32_t cpus;	       /* online */
	uint64_t memory_total_kib, memory_free_kib, memory_available_kib;
};

/* -ENOMEM only: what cannot be read is left empty. */
int host_facts_get(struct arena *arena, struct host_facts *facts) must_check;

bool host_has_cpu_flag(const struct host_facts *facts, const char *flag);

#endif
