/*
 * hyperstart framing: the control channel (sh.hyper.channel.0) and the I/O channel
 * (sh.hyper.channel.1) of a guest. All integers are big-endian and every length includes its
 * header. Format and dialects: docs/protocols.md.
 */
#ifndef AGENT_PROTO_HYPERSTART_H
#define AGENT_PROTO_HYPERSTART_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/error.h"
#include "base/strbuf.h"

#define HYPER_CHANNEL_CTL "sh.hyper.channel.0"
#define HYPER_CHANNEL_TTY "sh.hyper.channel.1"

enum {
	CTL_HEADER_LEN = 8,	  /* u32 code, u32 length */
	TTY_HEADER_LEN = 12,	  /* u64 stream, u32 length */
	CTL_FRAME_MAX = 16 << 20, /* largest control frame either side accepts */
	TTY_FRAME_MAX = 64 << 10, /* largest I/O frame our side sends or accepts */
	HYPER_API_VERSION = 4242, /* answer to GETVERSION: keeps runv in the mode that fits us */
};

/*
 * Flow control of the I/O channel, an extension in force once HELLO was acknowledged (calls.h).
 * Each direction of each stream (stdin, stdout and stderr separately) starts with a credit of
 * STREAM_WINDOW payload bytes. A sender never exceeds its credit; the receiver gives credit back as
 * it passes the bytes on, by a frame whose stream id has STREAM_CREDIT_BIT set and whose payload is
 * one u32: the number of bytes. Zero-length (EOF) and exit frames cost nothing. For stdin and
 * stdout of one process the id is the same; the direction tells them apart: host-to-guest credit
 * frames name an output stream (stdout or stderr id), guest-to-host ones a stdin.
 * An empty frame with the bit on a stdio stream, host to guest: nobody wants any more of it, and
 * the exit status, if it was sent, has arrived.
 */
#define STREAM_CREDIT_BIT (UINT64_C(1) << 63)
enum {
	STREAM_WINDOW = 256 << 10,
	STREAM_WINDOW_MAX = 1 << 20, /* of stdout and stderr, when host and guest agree on it */
};

struct ctl_frame {
	uint32_t code;
	const char *payload; /* not NUL-terminated; points into the decoder's buffer until the next
				call */
	uint32_t len;	     /* of payload */
};

struct tty_frame {
	uint64_t stream;
	const char *payload;
	uint32_t len;
};

/* Appends one whole frame to buf. -E2BIG when the payload does not fit CTL_FRAME_MAX /
 * TTY_FRAME_MAX. */
int ctl_encode(struct strbuf *buf, uint32_t code, const void *payload, size_t len) must_check;
int tty_encode(struct strbuf *buf, uint64_t stream, const void *payload, size_t len) must_check;
/* Appends a credit frame for stream (without the bit). */
int tty_encode_credit(struct strbuf *buf, uint64_t stream, uint32_t bytes) must_check;
/* Appends the frame that takes leave of the process with that stdio stream. */
int tty_encode_leave(struct strbuf *buf, uint64_t stdio) must_check;

/*
 * Takes the first whole frame from the len bytes at data. Returns the number of bytes it occupies,
 * 0 when more are needed, or -EBADMSG when the header is impossible (length below the header or
 * above the cap): the connection is lost then.
 */
int64_t ctl_decode(const char *data, size_t len, struct ctl_frame *frame) must_check;
int64_t tty_decode(const char *data, size_t len, struct tty_frame *frame) must_check;

#endif
