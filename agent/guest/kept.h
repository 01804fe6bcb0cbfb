/*
 * Output between the process and the host's acknowledgement: read once, straight to where it stays,
 * and sent from there; so a host that resumes gets from here what the last one lost.
 */
#ifndef AGENT_GUEST_KEPT_H
#define AGENT_GUEST_KEPT_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include "base/error.h"

struct stream_out;

/* Zero-initialised. Before data + from there is always room for the header of a frame. */
struct kept {
	char *data;
	size_t cap;
	size_t from; /* the first byte that is still wanted */
	size_t len;  /* end of the bytes, as an offset in data */
};

/* Reads at most max bytes from the process. Returns as read(2); without memory -1 and EAGAIN. */
ssize_t kept_read(struct stream_out *out, size_t max);
/* Forgets what the host has passed on or, when it can't resume, what was sent. */
void kept_drop_taken(struct stream_out *out);
/* Puts what was not sent yet into the channel, as far as there is room. */
void kept_send(struct stream_out *out);
/* The host stands at `received` and has passed on `taken`. -EINVAL when that is not here any more.
 */
int kept_set_back(struct stream_out *out, uint64_t received, uint64_t taken, struct error *err)
	must_check;
/* Gives the memory back; every byte counts as forgotten. */
void kept_done(struct stream_out *out);

#endif
