/*
 * What the shim keeps for the case that its proxy dies, so that the next one goes on without a byte
 * lost or doubled: stdin and signals until the guest has them, and how much output has come.
 */
#ifndef ACRUN_SHIM_RESUME_H
#define ACRUN_SHIM_RESUME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "agent/proto/ccproxy.h"
#include "base/error.h"
#include "base/strbuf.h"

enum { SIGNALS_MAX = 128 };

/* A signal that the proxy has not answered yet. */
struct sent_signal {
	int signo;
	uint32_t seq; /* 0: not counted, it is the window size */
};

/* Zero-initialised. */
struct resume {
	bool on;	    /* the proxy takes part */
	uint64_t in_end;    /* bytes of stdin since the start: read, */
	uint64_t in_taken;  /* credited */
	struct strbuf kept; /* the last of them */
	/*
	 * Bytes of stdout and stderr since the start: written (where others may look at it, in a
	 * file that is mapped, or in `own`), told to the proxy.
	 */
	uint64_t *written; /* NULL: relay_run() takes `own` */
	uint64_t own[2];
	uint64_t credited[2];
	bool taken_over; /* the machine was restored: what it has of stdin was another's to send */
	struct sent_signal signals[SIGNALS_MAX];
	unsigned n_signals;
	uint32_t last_seq;
};

/* The counts in the file behind fd, for resume.written; NULL when they cannot be mapped. */
uint64_t *resume_map_counts(int fd);
/* Bytes of stdin that may be sent. */
uint64_t resume_credit(const struct resume *resume);
/* They were sent. -ENOMEM. */
int resume_keep_stdin(struct resume *resume, const char *data, size_t len) must_check;
/* The guest has passed bytes on, or (resume_set_stdin) says what it has and what it passed on. */
void resume_credit_stdin(struct resume *resume, uint32_t bytes);
void resume_set_stdin(struct resume *resume, uint64_t received, uint64_t taken);

/* All that was sent to a guest that was restored is in it. */
void resume_adopt(struct resume *resume, uint64_t received, uint64_t taken, uint32_t signals);

/* Remembers a signal; its count, 0 when `counted` is not set. -EAGAIN when there are too many. */
int64_t resume_add_signal(struct resume *resume, int signo, bool counted) must_check;
/* The oldest one was answered. */
void resume_pop_signal(struct resume *resume);
/* Forgets those up to seq, and all that are not counted. */
void resume_drop_signals(struct resume *resume, uint32_t seq);

/* Fills the credit frame for what was written; false while that is not worth it. */
bool resume_owes(struct resume *resume, uint32_t bytes[static 2]);
/* Moves whole frames from `in` to `old`; what is left of `in` is dropped. */
void resume_stash(struct strbuf *in, struct strbuf *old);
/* Body of ConnectShim: where we stand. `written` is how much of the first frame in `old` was. */
int resume_write_connect(struct resume *resume, const char *token, const struct strbuf *old,
			 size_t written, char *body, size_t size) must_check;
/* The number that is called `key` in a JSON text; false when there is none. */
bool resume_find_number(const struct ccproxy_frame *frame, const char *key, uint64_t *number);

#endif
