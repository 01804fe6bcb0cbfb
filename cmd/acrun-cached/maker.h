/*
 * A process that makes one machine of the pool and ends. So the server goes on answering while a
 * machine, or the template before it, is made, which may take seconds.
 *
 * The maker holds the server's lock too, by the same open directory, and dies with the server. Its
 * stdout is a pipe on which it tells the result; processes that it starts have the pipe until they
 * execute their program. So who reads the end of the pipe knows that every VMM has its record
 * (runtime/factory/cache_dir.h), however the maker ended.
 */
#ifndef CMD_ACRUN_CACHED_MAKER_H
#define CMD_ACRUN_CACHED_MAKER_H

#include "base/strbuf.h"
#include "base/uuid.h"
#include "runtime/factory/cache.h"

struct maker {
	struct proc_id process;
	int fd; /* what it tells; -1: none runs */
	char uuid[UUID_TEXT_LEN];
	struct strbuf told;
};

struct maker_order {
	const char *config; /* path; NULL: the usual one */
	const char *uuid;   /* the machine's, and its directory's name */
	bool stays_cold;    /* warming up is left out */
	bool debug;
};

enum maker_result { MAKER_READY, MAKER_FAILED, MAKER_WARM_FAILED };

/* Starts the process; the uuid is made here. dir_fd: the pool's directory, with the lock. */
int maker_start(struct maker *maker, struct maker_order order, int dir_fd, struct error *err)
	must_check;
/* Reads on. 1 at the end of what it has to tell, 0 when there is more to come, or -errno. */
int maker_read(struct maker *maker) must_check;
/* What became of it, after the end: MAKER_READY with *machine (text in arena), or err says why. */
enum maker_result maker_result(const struct maker *maker, struct arena *arena,
			       struct cache_machine *machine, struct error *err);
/* Ends it if it runs, waits until nothing of it is left but its machine, frees. */
void maker_done(struct maker *maker);

/* The maker's own life: makes the machine order->uuid in the directory `path` and tells. */
int maker_run(const struct maker_order *order, struct error *err) must_check;

#endif
