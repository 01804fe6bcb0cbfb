/*
 * A virtio port as a channel of frames: non-blocking, buffered in both directions, and able to lose
 * and find its peer. While the host side is closed nothing is polled; the edge-triggered event of
 * its return wakes the loop. Where the host asks for it, everything goes through an acknowledged
 * link (agent/proto/linked.h), because the port loses bytes.
 */
#ifndef AGENT_GUEST_CHANNEL_H
#define AGENT_GUEST_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/error.h"
#include "agent/proto/linked.h"
#include "base/loop.h"
#include "base/strbuf.h"

struct channel_events {
	/* The host side has been opened, or a new host has taken the channel over by RESET. */
	void (*connected)(void *arg, bool taken_over);
	/*
	 * len bytes have arrived in all that were not taken yet. Takes whole frames, returns the
	 * bytes taken; -EBADMSG throws everything buffered away. `fresh` is how many of them are
	 * new.
	 */
	int64_t (*input)(void *arg, const char *data, size_t len, size_t fresh);
	/* The output buffer has fallen below CHANNEL_OUT_LOW. */
	void (*drained)(void *arg);
};

enum {
	CHANNEL_OUT_HIGH = 256 << 10, /* above it, nothing more should be added that can wait */
	CHANNEL_OUT_LOW = 64 << 10,
	CHANNEL_FRAME_NOW = 32 << 10, /* what the port takes whole or not at all */
};

struct channel {
	struct loop *loop;
	int fd;
	size_t length_at; /* offset of the u32 frame length in a header */
	bool keep_output; /* frames not sent survive the loss of the peer */
	bool connected;
	bool paused; /* input is left in the port */
	bool full;   /* output went above CHANNEL_OUT_HIGH */
	struct strbuf in;
	struct strbuf out;
	int stale_timer; /* runs while a frame is incomplete; 0: none */
	/* Bytes of the first frame in `out` that are written already; with a link, bytes of `out`
	 * that it has taken. */
	size_t sent;
	size_t ack_len; /* of the answer to RESET, which stands before the frames in `out` */
	const unsigned char *key; /* a RESET with it takes the channel over; NULL: none does */
	const struct channel_events *events;
	void *arg;
	bool acknowledged; /* set by the caller: a link lies between the frames and the port */
	bool joined;	   /* a host has opened the link before */
	struct linked linked;
};

/* Takes over fd (made non-blocking by the caller) and watches it. Everything else in *ch must be
 * set by the caller before. */
int channel_start(struct channel *ch, int fd) must_check;
/* Sends what is in ch->out as far as the port takes it; the rest follows by itself. */
void channel_flush(struct channel *ch);
/*
 * Writes one frame of at most CHANNEL_FRAME_NOW bytes past ch->out, if nothing waits there and the
 * port takes it. False: it has to go through ch->out.
 */
bool channel_send_now(struct channel *ch, const char *frame, size_t len);
/* Stops and resumes taking input. */
void channel_pause(struct channel *ch, bool paused);
/* True while the output buffer is fuller than it should be; `drained` is called once it is not. */
bool channel_is_full(struct channel *ch);

#endif
