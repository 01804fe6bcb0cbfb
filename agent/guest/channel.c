#include "agent/guest/channel.h"

#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "agent/proto/reset.h"

enum {
	READ_CHUNK = 32 << 10,
	KEEP_BUFFER = 64 << 10,
	STALE_MS = 10000, /* nobody takes that long within a frame */
};

static uint32_t frame_len(const struct channel *ch, const char *frame)
{
	uint32_t len;

	memcpy(&len, frame + ch->length_at, sizeof(len));
	return be32toh(len);
}

/* Gives memory of a burst back. */
static void shrink(struct strbuf *buf)
{
	size_t max = buf->max;

	if (buf->len > 0 || buf->cap <= KEEP_BUFFER)
		return;
	strbuf_done(buf);
	buf->max = max;
}

/* Forgets the frames that are written to their last byte. */
static void drop_sent(struct channel *ch)
{
	size_t whole = ch->sent >= ch->ack_len ? ch->ack_len : 0;

	ch->sent -= whole;
	ch->ack_len -= whole;
	if (ch->ack_len > 0)
		return;

	while (whole < ch->out.len) {
		size_t len = frame_len(ch, ch->out.data + whole);

		if (len > ch->sent)
			break;
		whole += len;
		ch->sent -= len;
	}
	strbuf_consume(&ch->out, whole);
	shrink(&ch->out);
}

/* The peer is gone: what it had sent half is void, and a frame it got half will be sent again as a
 * whole. */
static void lose_peer(struct channel *ch)
{
	ch->connected = false;
	/* The link knows by itself what has arrived, and when another host begins. */
	if (ch->acknowledged)
		return;
	/* The next host says by RESET where its time begins: this event may come after that. */
	if (ch->key)
		return;
	strbuf_clear(&ch->in);
	shrink(&ch->in);
	ch->sent = 0;
	if (!ch->keep_output)
		strbuf_clear(&ch->out);
	shrink(&ch->out);
}

/* Whether anybody is there is the port's to say: an event of a host that left may be looked at when
 * the next has come already. */
static void flush_link(struct channel *ch)
{
	if (linked_flush(&ch->linked, ch->fd, &ch->out, &ch->sent) < 0)
		return;
	if (ch->sent >= KEEP_BUFFER || ch->sent >= ch->out.len) {
		strbuf_consume(&ch->out, ch->sent);
		ch->sent = 0;
		shrink(&ch->out);
	}
}

static void flush_port(struct channel *ch)
{
	while (ch->connected && ch->out.len > ch->sent) {
		ssize_t n = write(ch->fd, ch->out.data + ch->sent, ch->out.len - ch->sent);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		ch->sent += (size_t)n;
		/* moving the rest to the front is worth it for much only */
		if (ch->sent >= KEEP_BUFFER || ch->sent >= ch->out.len)
			drop_sent(ch);
	}
}

void channel_flush(struct channel *ch)
{
	if (ch->acknowledged)
		flush_link(ch);
	else
		flush_port(ch);
	if (ch->full && ch->out.len - ch->sent <= CHANNEL_OUT_LOW) {
		ch->full = false;
		ch->events->drained(ch->arg);
	}
}

bool channel_send_now(struct channel *ch, const char *frame, size_t len)
{
	ssize_t n;

	assert(len <= CHANNEL_FRAME_NOW);
	/* A link numbers what it sends, and keeps it itself. */
	if (ch->acknowledged || !ch->connected || ch->out.len > 0)
		return false;
	do {
		n = write(ch->fd, frame, len);
	} while (n < 0 && errno == EINTR);
	if (n <= 0)
		return false;
	/* The port has broken its word: the rest must follow, or the frames are lost. */
	if ((size_t)n < len && strbuf_add(&ch->out, frame, len) == 0)
		ch->sent = (size_t)n;
	return true;
}

bool channel_is_full(struct channel *ch)
{
	if (ch->out.len - ch->sent > CHANNEL_OUT_HIGH)
		ch->full = true;
	return ch->full;
}

/*
 * A peer that is gone and back at once can't be told from one that stayed. What it left of a frame
 * would swallow the frames of the next: it is forgotten after a while.
 */
static void on_stale(void *arg)
{
	struct channel *ch = arg;

	ch->stale_timer = 0;
	if (ch->paused)
		return;
	strbuf_clear(&ch->in);
	shrink(&ch->in);
}

static void watch_stale(struct channel *ch)
{
	int id = 0;

	if (ch->stale_timer > 0)
		loop_remove_timer(ch->loop, ch->stale_timer);
	if (ch->in.len > 0 && !ch->paused && !ch->key && !ch->acknowledged)
		id = loop_add_timer(ch->loop, STALE_MS, on_stale, ch);
	ch->stale_timer = id > 0 ? id : 0;
}

/* What was cut off by the death of the last host is forgotten, in both directions. */
static void take_over(struct channel *ch, size_t old, const unsigned char *nonce)
{
	strbuf_consume(&ch->in, old);
	strbuf_clear(&ch->out);
	ch->sent = 0;
	ch->full = false;
	if (reset_encode_ack(&ch->out, nonce) == 0)
		ch->ack_len = ch->out.len;
	ch->events->connected(ch->arg, true);
}

/* A RESET comes as a whole, for it is the first that a host sends; it may stand behind anything. */
static void look_for_reset(struct channel *ch, size_t fresh)
{
	unsigned char nonce[RESET_NONCE_LEN];
	size_t from = ch->in.len - fresh;
	size_t end;

	if (!ch->key || ch->acknowledged || fresh < RESET_LEN)
		return;
	end = reset_find(ch->in.data + from, fresh, ch->key, nonce);
	if (end > 0)
		take_over(ch, from + end, nonce);
}

static void take_input(struct channel *ch, size_t fresh)
{
	int64_t taken;

	look_for_reset(ch, fresh);
	if (fresh > ch->in.len)
		fresh = ch->in.len;
	taken = ch->events->input(ch->arg, strbuf_str(&ch->in), ch->in.len, fresh);
	if (taken < 0)
		strbuf_clear(&ch->in);
	else
		strbuf_consume(&ch->in, (size_t)taken);
	shrink(&ch->in);
	watch_stale(ch);
}

/* A host has opened the link. What one before it had begun is forgotten, in both directions. */
static void join_host(struct channel *ch)
{
	bool taken_over = ch->joined;

	ch->linked.link.reset = false;
	ch->joined = true;
	strbuf_clear(&ch->in);
	if (taken_over || !ch->keep_output)
		strbuf_clear(&ch->out);
	ch->sent = 0;
	ch->full = false;
	ch->events->connected(ch->arg, taken_over);
}

/* Passes on what the link has in order. What is left there closes its window. */
static void take_from_link(struct channel *ch)
{
	while (!ch->paused) {
		int64_t n = linked_take(&ch->linked, &ch->in);

		if (n < 0)
			strbuf_clear(&ch->in);
		if (n <= 0)
			break;
		take_input(ch, (size_t)n);
	}
}

/* Acknowledgements stand in the input: the port is read even while nobody wants more of it. */
static void read_link(struct channel *ch)
{
	char data[READ_CHUNK];
	ssize_t n;

	for (;;) {
		n = read(ch->fd, data, sizeof(data));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		linked_receive(&ch->linked, data, (size_t)n);
		if (ch->linked.link.reset)
			join_host(ch);
		take_from_link(ch);
		channel_flush(ch);
	}
	if (n == 0)
		lose_peer(ch);
}

static void read_input(struct channel *ch)
{
	while (!ch->paused) {
		char *room = strbuf_reserve(&ch->in, READ_CHUNK);
		ssize_t n;

		if (!room) {
			strbuf_clear(&ch->in);
			return;
		}
		n = read(ch->fd, room, READ_CHUNK);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			shrink(&ch->in);
			return;
		}
		if (n == 0) {
			lose_peer(ch);
			return;
		}
		strbuf_grown(&ch->in, (size_t)n);
		take_input(ch, (size_t)n);
	}
}

static void on_port(void *arg, int fd, uint32_t events)
{
	struct channel *ch = arg;

	(void)fd;
	if (!ch->connected && !(events & EPOLLHUP)) {
		ch->connected = true;
		if (!ch->keep_output && !ch->key && !ch->acknowledged)
			strbuf_clear(&ch->out);
		if (!ch->key && !ch->acknowledged)
			ch->events->connected(ch->arg, false);
	}
	if ((events & EPOLLIN) && ch->acknowledged)
		read_link(ch);
	else if (events & EPOLLIN)
		read_input(ch);
	if (ch->connected && (events & EPOLLHUP) && (!ch->paused || ch->acknowledged))
		lose_peer(ch);
	if (events & EPOLLOUT)
		channel_flush(ch);
}

void channel_pause(struct channel *ch, bool paused)
{
	bool resumed = ch->paused && !paused;

	ch->paused = paused;
	if (!resumed)
		return;
	if (ch->acknowledged) {
		if (ch->in.len > 0)
			take_input(ch, 0);
		take_from_link(ch);
		channel_flush(ch);
		return;
	}
	/* what was left may be in our buffer, in the port, or both; the port tells no second time
	 */
	if (ch->in.len > 0)
		take_input(ch, 0);
	if (!ch->paused)
		(void)!loop_set_events(ch->loop, ch->fd, EPOLLOUT | EPOLLET);
	if (!ch->paused)
		(void)!loop_set_events(ch->loop, ch->fd, EPOLLIN | EPOLLOUT | EPOLLET);
}

static void on_wake(void *arg)
{
	channel_flush(arg);
}

int channel_start(struct channel *ch, int fd)
{
	ch->fd = fd;
	if (ch->acknowledged)
		linked_init(&ch->linked, ch->loop, false, on_wake, ch);
	return loop_add_fd(ch->loop, fd, EPOLLIN | EPOLLOUT | EPOLLET, on_port, ch);
}
