/*
 * The standard streams of one process: bytes between its pipes (or its terminal) and the I/O
 * channel, within the credit of either side. What a process left behind in its pipes is sent before
 * its end is reported: EOF frame, then exit code, on the stdio stream.
 *
 * With a host that can resume, output is kept until the host has passed it on, and the end until
 * the host takes leave: a host that takes the channels over gets from us what the last one lost.
 */
#ifndef AGENT_GUEST_STREAM_H
#define AGENT_GUEST_STREAM_H

#include <stdbool.h>
#include <stdint.h>
#include "agent/guest/guest.h"
#include "agent/guest/kept.h"
#include "agent/proto/calls.h"
#include "agent/proto/hyperstart.h"
#include "base/strbuf.h"

/* One direction out of a process. */
struct stream_out {
	struct stream *stream;
	int fd; /* -1 once ended */
	uint64_t id;
	/* Bytes since the start: read from the process >= put into the channel >= passed on by the
	 * host. */
	uint64_t end, next, taken;
	struct kept kept; /* the last bytes up to `end` that may be asked for */
	bool bulk;	  /* there is more than fits an ordinary pipe */
	bool deep;	  /* the pipe was enlarged */
	bool added;	  /* to the loop */
	bool watched;	  /* and asked for */
};

struct stream {
	struct guest *guest;
	struct stream *next;
	uint64_t stdio; /* stream ids; 0: none */
	uint64_t stderr_id;
	bool terminal;
	int in_fd;    /* -1 once closed */
	int slave_fd; /* of a terminal: kept open so that its output does not end before the process
			 does */
	bool in_watched;
	bool in_eof;		   /* close in_fd when the queue is empty */
	bool in_throttled;	   /* the channel is paused because of this queue */
	struct strbuf in;	   /* bytes for the process */
	uint32_t in_taken;	   /* bytes passed on and not yet given back as credit */
	uint64_t in_got, in_given; /* bytes since the start: received, given back */
	struct stream_out out, err;
	bool suspended; /* the host was lost: its successor says where to go on */
	bool left;	/* nobody wants the output */
	bool exited;
	bool finished; /* no process any more: what is left stands here until the host leaves */
	bool told;     /* the end was put into the channel */
	size_t late;   /* bytes sent after the death */
	int exit_code;
	int timer;
	/* The end is reported and the stream is closed; may free it. */
	void (*on_finished)(void *arg);
	void *arg;
};

/* Sets st up without descriptors and registers its ids. */
void stream_init(struct stream *st, struct guest *guest, uint64_t stdio, uint64_t stderr_id);
/* Takes over our ends of the pipes (-1: none) and starts. */
void stream_open_pipes(struct stream *st, int in_fd, int out_fd, int err_fd);
/* Takes over the master of a terminal. */
void stream_open_terminal(struct stream *st, int master_fd);
/* The process is dead: sends what is left, then the end. on_finished may run before this returns.
 */
void stream_exit(struct stream *st, int exit_code);
/* Reports the end now, whatever is left. */
void stream_finish(struct stream *st);
/* Closes all and forgets the ids, without any report. */
void stream_done(struct stream *st);

/* A frame from the host. Unknown streams are skipped. */
void streams_input(struct guest *guest, const struct tty_frame *frame);
/* Output may flow again: the channel has room. */
void streams_resume(struct guest *guest);
/* Both sides begin anew with a full window. */
void streams_reset_credit(struct guest *guest);
/* The channel was taken over: all streams wait for streams_continue(). */
void streams_suspend(struct guest *guest);
/* Goes on where the host stands; fills what the reply says of stdin. */
int streams_continue(struct guest *guest, const struct call_resume *call,
		     struct call_resume_reply *reply, struct error *err) must_check;
/* The stream with that stdio id, or NULL. */
struct stream *streams_find(struct guest *guest, uint64_t stdio);

#endif
