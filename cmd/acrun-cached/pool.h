/*
 * The pool: so many machines, restored and running, each in its directory (cache_dir.h). A machine
 * that dies is replaced, one that is taken as well.
 *
 * A machine is offered once. What becomes of it then is decided on disk: a client claims it there,
 * or it is ended when the client has gone, so that nobody ever gets a machine that somebody else
 * has touched, or might have put into his records.
 */
#ifndef CMD_ACRUN_CACHED_POOL_H
#define CMD_ACRUN_CACHED_POOL_H

#include "base/loop.h"
#include "cmd/acrun-cached/maker.h"

struct pool_machine {
	struct pool_machine *next;
	struct pool *pool;
	enum { POOL_READY, POOL_OFFERED, POOL_GIVEN } phase;
	char uuid[UUID_TEXT_LEN];
	struct arena arena;
	struct cache_machine machine;
	int64_t made_ms;
	int pidfd;     /* of the VMM */
	int client_fd; /* pidfd of who was given it; -1: none */
	int timer;     /* instead of that; 0: none */
};

/* The pool tells: a machine is ready (err is NULL), or making one has failed. */
typedef void pool_change_fn(void *arg, const struct error *err);

struct pool {
	struct loop *loop;
	const struct config *config;
	const struct machine *shape;
	const char *config_path; /* NULL: the usual one */
	const char *path;	 /* of its directory */
	int dir_fd;
	pool_change_fn *changed;
	void *arg;
	bool debug;
	/* The rest is the pool's own. */
	struct pool_machine *machines;
	struct maker maker;
	char *shape_json;
	unsigned failures; /* in a row */
	int fill_timer;
	bool stopped;
	bool stays_cold; /* warming a machine up has failed */
};

/* Begins to fill. The fields above must be set, and outlive the pool. */
int pool_start(struct pool *pool, struct error *err) must_check;
/* No more machines are made; one that is being made is given up. */
void pool_stop(struct pool *pool);
/* Ends every machine that nobody has claimed. */
void pool_done(struct pool *pool);

/* What the machines are, as cache_shape_encode() tells. Those that are not like that any more are
 * ended. Text is the pool's. */
int pool_get_shape(struct pool *pool, const char **json, struct error *err) must_check;

/* A ready machine, to be offered to one client; NULL when there is none. Ends in pool_give() or
 * pool_drop(). */
struct pool_machine *pool_take(struct pool *pool);
/* Somebody waits for a machine. */
void pool_hurry(struct pool *pool);
/* The client has read the offer: it claims the machine, or dies. pid 0: not known. */
void pool_give(struct pool_machine *machine, pid_t client);
/* The client does not know of it. */
void pool_drop(struct pool_machine *machine);

#endif
