#include "agent/guest/kept.h"

#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/guest/channel.h"
#include "agent/guest/stream.h"

enum {
	CHUNK = CHANNEL_FRAME_NOW - TTY_HEADER_LEN,
	CAP_MAX = TTY_HEADER_LEN + 2 * STREAM_WINDOW_MAX,
	IDLE_CAP = 64 << 10, /* what a stream may hold that has nothing to keep */
};

static void clear(struct kept *kept)
{
	kept->from = kept->len = TTY_HEADER_LEN;
}

void kept_done(struct stream_out *out)
{
	free(out->kept.data);
	out->kept = (struct kept){ 0 };
}

/* Moves what is still wanted to the front. */
static void compact(struct kept *kept)
{
	size_t held = kept->len - kept->from;

	memmove(kept->data + TTY_HEADER_LEN, kept->data + kept->from, held);
	clear(kept);
	kept->len += held;
}

/* At most twice the window: more than one is never kept. */
static int make_room(struct kept *kept, size_t len)
{
	size_t cap = kept->cap ? kept->cap : TTY_HEADER_LEN + CHUNK;
	char *data;

	if (!kept->data)
		clear(kept);
	/* what is moved is never more than what was forgotten since the last time */
	if (kept->cap < kept->len + len && kept->len - kept->from <= kept->from)
		compact(kept);
	if (kept->cap >= kept->len + len)
		return 0;
	while (cap < kept->len + len)
		cap *= 2;
	if (cap > CAP_MAX)
		cap = CAP_MAX;
	if (cap < kept->len + len)
		return -ENOBUFS;
	data = realloc(kept->data, cap);
	if (!data)
		return -ENOMEM;
	kept->data = data;
	kept->cap = cap;
	return 0;
}

ssize_t kept_read(struct stream_out *out, size_t max)
{
	struct kept *kept = &out->kept;
	ssize_t n;

	/* What cannot be kept is not read. */
	if (make_room(kept, max) < 0) {
		errno = EAGAIN;
		return -1;
	}
	n = read(out->fd, kept->data + kept->len, max);
	if (n <= 0)
		return n;
	kept->len += (size_t)n;
	out->end += (uint64_t)n;
	return n;
}

void kept_drop_taken(struct stream_out *out)
{
	struct kept *kept = &out->kept;
	uint64_t behind = out->end - (out->stream->guest->resume ? out->taken : out->next);

	if (kept->data && behind < kept->len - kept->from)
		kept->from = kept->len - (size_t)behind;
	if (!kept->data || kept->from < kept->len)
		return;
	if (kept->cap > IDLE_CAP && !out->bulk)
		kept_done(out);
	else
		clear(kept);
}

/*
 * Frames are sent from where their bytes are kept: what stands before them makes way for the header
 * meanwhile.
 */
static bool send_from(struct stream_out *out, char *payload, size_t len)
{
	struct channel *tty = out->stream->guest->tty;
	char *frame = payload - TTY_HEADER_LEN;
	uint64_t id = htobe64(out->id);
	uint32_t total = htobe32((uint32_t)len + TTY_HEADER_LEN);
	char before[TTY_HEADER_LEN];
	bool sent;

	memcpy(before, frame, sizeof(before));
	memcpy(frame, &id, sizeof(id));
	memcpy(frame + sizeof(id), &total, sizeof(total));
	sent = channel_send_now(tty, frame, TTY_HEADER_LEN + len);
	memcpy(frame, before, sizeof(before));
	return sent || tty_encode(&tty->out, out->id, payload, len) == 0;
}

void kept_send(struct stream_out *out)
{
	struct channel *tty = out->stream->guest->tty;
	struct kept *kept = &out->kept;

	while (!out->stream->suspended && out->next < out->end &&
	       (!out->stream->guest->resume || !channel_is_full(tty))) {
		size_t behind = (size_t)(out->end - out->next);
		size_t len = behind < CHUNK ? behind : CHUNK;

		assert(behind <= kept->len - kept->from);
		if (!send_from(out, kept->data + kept->len - behind, len))
			return;
		out->next += len;
	}
	if (!out->stream->guest->flow)
		out->taken = out->next;
	if (!out->stream->guest->resume)
		kept_drop_taken(out);
}

int kept_set_back(struct stream_out *out, uint64_t received, uint64_t taken, struct error *err)
{
	uint64_t held = out->kept.len - out->kept.from;

	if (taken > received || received > out->end || taken < out->end - held)
		return err_msg(err, -EINVAL,
			       "stream %llu cannot go on at %llu: bytes %llu to %llu are here",
			       (unsigned long long)out->id, (unsigned long long)received,
			       (unsigned long long)(out->end - held), (unsigned long long)out->end);
	out->next = received;
	out->taken = taken;
	kept_drop_taken(out);
	return 0;
}
