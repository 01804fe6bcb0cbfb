/* The trace file: what commands did and how long it took, in the JSON array format of Chrome's
 * trace events, which common viewers open. Several programs may append to one file at once. */
#ifndef RUNTIME_SANDBOX_TRACE_H
#define RUNTIME_SANDBOX_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/error.h"

/* A stretch of time, in microseconds of clock_now_us(). */
struct trace_event {
	const char *name;
	int64_t begun_us;
	int64_t took_us;
	bool failed;
};

/* Opens (or makes) the file to append to; NULL or "": no trace, which costs nothing. Once, from
 * main. */
int trace_open(const char *path, struct error *err) must_check;
/*
 * Appends the events of one command on container `id` as a whole. The first writer of a file opens
 * the array; nobody closes it, which the format allows. A failure is logged as a warning.
 */
void trace_write(const char *command, const char *id, const struct trace_event *events, size_t n);

#endif
