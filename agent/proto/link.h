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
	LINK_RESEND_MIN_MS = 200,
	LINK_RESEND_MAX_MS = 3200,
};

enum link_state { LINK_CLOSED, LINK_OPENING, LINK_OPEN };

struct link {
	bool is_host;
	enum link_state state;
	uint32_t epoch;
	unsigned char key[RESET_KEY_LEN];
	bool has_key;	/* guest: the first one stays */
	bool reset;	/* guest: a new host has opened; the owner clears it */
	bool restarted; /* host: the guest has begun anew, nothing of before is known there */

	struct strbuf wire; /* received, not yet understood */
	struct strbuf in;   /* payload in order, for the owner to consume */
	uint32_t in_next;   /* sequence of the next byte wanted */
	uint32_t in_told;   /* right edge of the window as the other side knows it */
	bool ack_due;
	bool gap; /* bytes are missing: say so, once for each frame that tells */

	struct strbuf out;    /* payload from the oldest unacknowledged byte on */
	uint32_t out_first;   /* its sequence */
	uint32_t out_next;    /* the next to be sent */
	uint32_t out_limit;   /* right edge of the other side's window */
	uint32_t last_rewind; /* out_next when it was last set back for a gap */
	bool rewound;

	int64_t deadline_ms; /* -1: nothing is waited for */
	int32_t resend_ms;
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

/* CRC-32C (Castagnoli), of data behind what `crc` covers; 0 to begin. */
uint32_t link_crc32c(uint32_t crc, const void *data, size_t len);

#endif
