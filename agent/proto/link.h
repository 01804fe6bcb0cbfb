/*
 * The acknowledged link: a reliable stream of bytes over a channel that loses, doubles, tears or
 * reorders what is sent. A pure state machine: bytes from the channel in, bytes for the channel
 * out, no I/O and no clock of its own. docs/protocols.md, 1.5, has the bytes.
 *
 * The host opens: it draws an epoch, sends RESET with a key until the guest answers, and from then
 * on frames of another epoch are not heard. A RESET with the same key and a later epoch is a new
 * host. A sequence number counts bytes, an acknowledgement tells the next byte wanted, a window how
 * many may come. What is lost is sent again from the first byte that is missing: at once when the
 * other side says so, else when nothing was heard for a time. A guest that belongs to no host says
 * so with epoch 0: when it has started, and when it hears what is not for it. A host that is
 * opening then need not wait, and one that is open knows that its guest has begun anew.
 *
 * What a process writes becomes payload, and the header before it may be lost: so the checksum
 * covers the key as well, and nobody who does not know it can write what is taken for a frame.
 */
#ifndef AGENT_PROTO_LINK_H
#define AGENT_PROTO_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "agent/proto/reset.h"
#include "base/error.h"
#include "base/strbuf.h"

enum {
	LINK_HEADER_LEN = 24,
	LINK_PAYLOAD_MAX = 4096 - LINK_HEADER_LEN, /* a frame is one buffer of a virtio console */
	LINK_FRAME_MAX = LINK_HEADER_LEN + LINK_PAYLOAD_MAX,
	LINK_WINDOW = 64 << 10, /* unacknowledged bytes, each way */
	LINK_RESEND_MS =
		200, /* at first; then twice as long each time, LINK_BACKOFF times at most */
	LINK_BACKOFF = 16,
};

enum link_state { LINK_CLOSED, LINK_OPENING, LINK_OPEN };

/* What the channel has cost so far, in this epoch. */
struct link_figures {
	uint64_t sent, again; /* bytes of payload; of these, sent before */
	uint32_t expired;     /* times that nothing was heard */
	uint32_t gaps;	      /* times that the other side told of a gap */
	uint32_t doubled;     /* frames that held nothing new */
	uint64_t skipped;     /* bytes that were no frame */
};

struct link {
	bool is_host;
	enum link_state state;
	uint32_t epoch;
	unsigned char key[RESET_KEY_LEN];
	uint32_t seed;	/* of the checksums, made of the key */
	bool has_key;	/* guest: the first one stays */
	bool reset;	/* guest: a new host has opened; the owner clears it */
	bool restarted; /* host: the guest has begun anew, nothing of before is known there */

	struct strbuf wire; /* received, not yet understood */
	struct strbuf in;   /* payload in order, for the owner to consume */
	uint32_t in_next;   /* sequence of the next byte wanted */
	uint32_t in_told;   /* right edge of the window as the other side knows it */
	bool ack_due;
	bool gap; /* bytes are missing: say so, once for each frame that tells */

	struct strbuf out;   /* payload from the oldest unacknowledged byte on */
	uint32_t out_first;  /* its sequence */
	uint32_t out_next;   /* the next to be sent */
	uint32_t out_edge;   /* behind all that was ever sent */
	uint32_t out_limit;  /* right edge of the other side's window */
	bool rewound;	     /* sending was set back for a gap that begins at */
	uint32_t rewound_to; /* this sequence: all that was under way tells of it once more */
	bool timing;	     /* how long the acknowledgement takes */
	uint32_t timed_seq;  /* of the byte before this one, */
	int64_t timed_ms;    /* sent for the first time then */

	int64_t deadline_ms; /* -1: nothing is waited for */
	int32_t resend_ms;
	int32_t round_trip_ms; /* smoothed */
	int32_t resend_min_ms; /* LINK_RESEND_MS, unless the owner is in more of a hurry */

	struct link_figures figures;
};

/* A guest's link says that it is there and hears the first host; a host's has to be opened. */
void link_init(struct link *link, bool is_host);
void link_done(struct link *link);
/* Host: opens with a epoch that is not 0 and above that of the host before it. */
void link_open(struct link *link, const unsigned char key[static RESET_KEY_LEN], uint32_t epoch,
	       int64_t now_ms);

/* Bytes that came from the channel. -ENOMEM when they cannot be kept. */
int link_receive(struct link *link, const void *data, size_t len, int64_t now_ms) must_check;
/* How many bytes link_write() takes now. */
size_t link_room(const struct link *link);
/* Takes bytes to be sent, at most link_room(). -ENOMEM. */
int link_write(struct link *link, const void *data, size_t len) must_check;
/* The owner has consumed link->in: the window may have to be told. */
void link_consumed(struct link *link);
/* Appends the frames that are to be sent now to `wire`, as long as that is below `max` bytes. */
void link_transmit(struct link *link, struct strbuf *wire, size_t max, int64_t now_ms);
/* When link_expire() wants to be called, -1: never. Nothing is armed while all is acknowledged. */
int64_t link_deadline(const struct link *link);
void link_expire(struct link *link, int64_t now_ms);

#endif
