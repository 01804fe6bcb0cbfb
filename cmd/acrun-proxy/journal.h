/*
 * What a proxy that takes this one's place has to know: the VM, the key to its channels, and which
 * token stands for which process. A line of JSON each, appended before what it tells takes effect;
 * rewritten whole when it has grown. Bytes of streams are not in it: both ends keep what is on the
 * way.
 */
#ifndef ACRUN_PROXY_JOURNAL_H
#define ACRUN_PROXY_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "agent/proto/reset.h"
#include "base/arena.h"
#include "base/error.h"

struct proxy;
struct session;

/* Zero-initialised with fd -1: nothing is kept. */
struct journal {
	const char *path; /* owned by the caller; NULL: none is kept */
	int fd;
	size_t len;	/* of the file, whole lines */
	size_t limit;	/* rewritten beyond it */
	uint32_t epoch; /* of the link: counts the proxies of this VM; 0: there is no link */
};

/* What is known of the VM. Strings belong to who fills it. */
struct journal_vm {
	const char *sandbox;
	const char *ctl, *tty, *console;
	const char *key; /* hexadecimal */
	bool link;	 /* its channels go through an acknowledged link */
};

/* Is there a journal of an earlier proxy? */
bool journal_exists(const struct journal *journal);
/* Begins one, for a VM that is being registered. */
int journal_begin(struct proxy *proxy, const struct journal_vm *vm, struct error *err) must_check;
/* A token is about to be given out. */
int journal_add_token(struct proxy *proxy, const struct session *session, struct error *err)
	must_check;
/* A process is about to be started for this session. */
int journal_add(struct proxy *proxy, const struct session *session, struct error *err) must_check;
/* It was started. */
void journal_settle(struct proxy *proxy, const struct session *session);
/* The session is over, and the agent was told. */
void journal_remove(struct proxy *proxy, const struct session *session);
/*
 * Reads an earlier proxy's: makes its sessions, adrift, and fills *vm, whose strings live in arena.
 * -ENODATA when no VM was registered. The epoch is one on from the earlier proxy's, on disk too.
 */
int journal_load(struct proxy *proxy, struct arena *arena, struct journal_vm *vm, struct error *err)
	must_check;
/* The agent is none that could be taken over: there is nothing to keep. */
void journal_drop(struct journal *journal);
void journal_done(struct journal *journal);

#endif
