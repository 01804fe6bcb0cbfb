/*
 * A descriptor below an acknowledged link: reads, writes and the timer that agent and proxy need
 * alike. The owner watches the descriptor, keeps SIGPIPE away, brings what it reads, and calls
 * linked_flush() after everything that may have given the link something to say.
 * docs/protocols.md, 1.5.
 */
#ifndef AGENT_PROTO_LINKED_H
#define AGENT_PROTO_LINKED_H

#include <stdbool.h>
#include <stddef.h>
#include "agent/proto/link.h"
#include "base/loop.h"
#include "base/strbuf.h"

struct linked {
	struct link link;
	struct loop *loop;  /* the owner's */
	struct strbuf wire; /* frames on their way out of the descriptor */
	size_t sent;	    /* of wire */
	int timer;	    /* 0: none */
	int64_t timer_ms;   /* when it runs out */
	/* It is time to send again: the owner calls linked_flush(). */
	void (*wake)(void *arg);
	void *arg;
};

/* A link for the guest's or the host's end; nothing is sent yet. */
void linked_init(struct linked *linked, struct loop *loop, bool is_host, void (*wake)(void *arg),
		 void *arg);
void linked_done(struct linked *linked);
/* Host: opens the link at the next linked_flush(). See link_open(). */
void linked_open(struct linked *linked, const unsigned char key[static RESET_KEY_LEN],
		 uint32_t epoch);
bool linked_is_open(const struct linked *linked);
/* Bytes that were read from the descriptor. Those that there is no memory for will come again. */
void linked_receive(struct linked *linked, const void *data, size_t len);
/*
 * Moves what has arrived in order to the end of `in`. Returns how many bytes that were; -ENOMEM or
 * -E2BIG, and they stay.
 */
int64_t linked_take(struct linked *linked, struct strbuf *in);
/*
 * Sends what is due, and of the bytes of `out` behind *sent as many as the window allows; *sent
 * moves on. 1: all that may go now is on its way; 0: the descriptor is full, and wants EPOLLOUT;
 * -errno: it is broken.
 */
int linked_flush(struct linked *linked, int fd, const struct strbuf *out, size_t *sent) must_check;

#endif
