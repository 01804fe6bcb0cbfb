/*
 * A sandbox is made by steps. What outlives this program is recorded in state.json before it can do
 * anything, and each step has an undo that works from that record alone and may run twice. A failed
 * create, `delete` and `delete --force` after a crash run the same undos.
 */
#ifndef RUNTIME_SANDBOX_STEPS_H
#define RUNTIME_SANDBOX_STEPS_H

#include "runtime/sandbox/store.h"

struct create;

struct step {
	const char *name;
	int (*make)(struct create *create, struct error *err);
	void (*undo)(struct record *rec); /* NULL: nothing outlives us */
};

/* Runs them in order; stops at the first failure. */
int steps_make(const struct step *steps, size_t n, struct create *create, struct error *err)
	must_check;
/* Runs the undos in reverse order. */
void steps_undo(const struct step *steps, size_t n, struct record *rec);

/* Undoes everything a create makes, from the record: processes first, the directory last. -errno
 * when the directory could not be removed. */
int sandbox_undo(struct record *rec, struct error *err) must_check;

#endif
