/* The measurements, one function a table. Each takes its samples and its baseline's in turns. */
#ifndef TESTS_BENCH_SECTIONS_H
#define TESTS_BENCH_SECTIONS_H

#include "tests/bench/rig.h"

typedef int section_fn(const struct rig *rig, struct section *section, struct error *err);

section_fn section_cold;     /* create by booting */
section_fn section_template; /* run, create, start, delete of a clone */
section_fn section_cached;   /* the same from the cache, beside the template */
section_fn section_seccomp;  /* with a filter of system calls, and without */
section_fn section_steps;    /* where the bare path spends its time */
section_fn section_exec;
section_fn section_commands;
section_fn section_stdio;
section_fn section_memory;
section_fn section_parallel;

#endif
