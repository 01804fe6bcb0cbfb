#include "agent/proto/link.h"

#include <endian.h>
#include <errno.h>
#include <string.h>
#include "agent/proto/crc32c.h"

enum {
	MAGIC = 0xacc5, /* no plain frame begins so: its length would be out of bounds */
	CRC_AT = 20,
	WIRE_MAX = 2 * LINK_FRAME_MAX + (256 << 10),
};

enum type { TYPE_RESET = 1, TYPE_DATA, TYPE_ACK };
enum flag { FLAG_GAP = 1 };

struct header {
	uint8_t type, flags;
	uint32_t epoch, seq, ack;
	uint16_t len, window; /* window in units of 16 bytes */
};

enum { WINDOW_UNIT = 16, ROUND_TRIPS = 3 /* are waited for an acknowledgement */ };

static void put16(char *p, uint16_t v)
{
	v = htobe16(v);
	memcpy(p, &v, sizeof(v));
}

static void put32(char *p, uint32_t v)
{
	v = htobe32(v);
	memcpy(p, &v, sizeof(v));
}

static uint16_t get16(const char *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return be16toh(v);
}

static uint32_t get32(const char *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return be32toh(v);
}

/* Sequence numbers go round: this is the signed distance. */
static int32_t distance(uint32_t from, uint32_t to)
{
	return (int32_t)(to - from);
}

static uint32_t free_window(const struct link *link)
{
	return link->in.len < LINK_WINDOW ? (uint32_t)(LINK_WINDOW - link->in.len) : 0;
}

void link_init(struct link *link, bool is_host)
{
	*link = (struct link){
		.is_host = is_host,
		.ack_due = !is_host,
		.deadline_ms = -1,
		.resend_ms = LINK_RESEND_MS,
		.resend_min_ms = LINK_RESEND_MS,
		.wire = { .max = WIRE_MAX },
		.in = { .max = LINK_WINDOW + LINK_FRAME_MAX },
		.out = { .max = 2 * LINK_WINDOW },
	};
}

void link_done(struct link *link)
{
	strbuf_done(&link->wire);
	strbuf_done(&link->in);
	strbuf_done(&link->out);
}

/* Both directions begin at sequence 0. */
static void begin(struct link *link, uint32_t epoch, enum link_state state)
{
	strbuf_clear(&link->in);
	strbuf_clear(&link->out);
	link->epoch = epoch;
	link->state = state;
	link->in_next = link->out_first = link->out_next = link->out_edge = 0;
	link->figures = (struct link_figures){ 0 };
	link->in_told = link->out_limit = LINK_WINDOW;
	link->ack_due = link->gap = link->rewound = link->timing = false;
	link->round_trip_ms = 0;
	link->deadline_ms = -1;
	link->resend_ms = link->resend_min_ms;
}

static void take_key(struct link *link, const char *key)
{
	memcpy(link->key, key, RESET_KEY_LEN);
	link->seed = crc32c_add(0, key, RESET_KEY_LEN);
}

void link_open(struct link *link, const unsigned char key[static RESET_KEY_LEN], uint32_t epoch,
	       int64_t now_ms)
{
	begin(link, epoch, LINK_OPENING);
	take_key(link, (const char *)key);
	link->deadline_ms = now_ms;
}

/* Of the frame at data, but for the field that holds it. */
static uint32_t checksum(const struct link *link, enum type type, uint32_t epoch, const char *data,
			 size_t len)
{
	static const char zero[4];
	/* Who has no epoch may not know the key yet, and RESET brings it. */
	uint32_t crc = type == TYPE_RESET || epoch == 0 ? 0 : link->seed;

	crc = crc32c_add(crc, data, CRC_AT);
	crc = crc32c_add(crc, zero, sizeof(zero));
	return crc32c_add(crc, data + LINK_HEADER_LEN, len);
}

static void add_frame(struct link *link, struct strbuf *wire, enum type type, uint32_t seq,
		      const void *payload, size_t len)
{
	uint32_t window = free_window(link) / WINDOW_UNIT;
	char *room = strbuf_reserve(wire, LINK_HEADER_LEN + len);

	/* As good as lost on the way. */
	if (!room)
		wire->error = 0;
	if (!room)
		return;
	put16(room, MAGIC);
	room[2] = (char)type;
	room[3] = link->gap ? FLAG_GAP : 0;
	put32(room + 4, link->epoch);
	put32(room + 8, seq);
	put32(room + 12, link->in_next);
	put16(room + 16, (uint16_t)len);
	put16(room + 18, (uint16_t)window);
	if (len)
		memcpy(room + LINK_HEADER_LEN, payload, len);
	put32(room + CRC_AT, checksum(link, type, link->epoch, room, len));
	strbuf_grown(wire, LINK_HEADER_LEN + len);
	link->in_told = link->in_next + window * WINDOW_UNIT;
	link->ack_due = false;
	link->gap = false;
}

/* Something of ours is on its way or waits for the other side's window. */
static bool is_waiting(const struct link *link)
{
	return link->state == LINK_OPENING || link->out.len > 0;
}

static void arm(struct link *link, int64_t now_ms)
{
	link->deadline_ms = is_waiting(link) ? now_ms + link->resend_ms : -1;
}

/* For how long an acknowledgement is waited for: a machine that is slow just now is not asked again
 * and again. */
static int32_t patience(const struct link *link)
{
	int32_t max = LINK_BACKOFF * link->resend_min_ms;
	int32_t ms = ROUND_TRIPS * link->round_trip_ms;

	return ms < link->resend_min_ms ? link->resend_min_ms : ms > max ? max : ms;
}

/* Only what was sent once tells how long it takes: else the longer wait of late is kept. */
static void take_time(struct link *link, int64_t now_ms)
{
	int32_t max = LINK_BACKOFF * link->resend_min_ms;
	int64_t took = now_ms - link->timed_ms;

	if (!link->timing || distance(link->timed_seq, link->out_first) < 0)
		return;
	took = took < 0 ? 0 : took > max ? max : took;
	link->round_trip_ms += ((int32_t)took - link->round_trip_ms) / 4;
	link->timing = false;
	link->resend_ms = patience(link);
}

static void take_ack(struct link *link, const struct header *h, int64_t now_ms)
{
	int32_t acked = distance(link->out_first, h->ack);
	uint32_t limit = h->ack + (uint32_t)h->window * WINDOW_UNIT;

	/* Beyond what was ever sent, or older than what is known: not to be believed, or late. */
	if (acked < 0 || distance(link->out_edge, h->ack) > 0)
		return;
	if (distance(link->out_limit, limit) > 0) {
		/* It was closed, and asking for it took longer and longer. */
		if (distance(link->out_first, link->out_limit) <= 1)
			link->resend_ms = patience(link);
		link->out_limit = limit;
	}
	if (acked > 0) {
		strbuf_consume(&link->out, (size_t)acked);
		link->out_first = h->ack;
		if (distance(link->out_next, link->out_first) > 0)
			link->out_next = link->out_first;
		take_time(link, now_ms);
		arm(link, now_ms);
	}
	/* Once for each gap: the frames behind it that were under way all tell the same. */
	if ((h->flags & FLAG_GAP) && link->out_next != link->out_first &&
	    !(link->rewound && link->rewound_to == h->ack)) {
		link->rewound_to = link->out_first;
		link->rewound = true;
		link->out_next = link->out_first;
		link->timing = false;
		link->figures.gaps++;
	}
}

static void take_data(struct link *link, const struct header *h, const char *payload)
{
	int32_t behind = distance(h->seq, link->in_next);

	link->ack_due = true;
	if (behind < 0) {
		link->gap = true;
		return;
	}
	if ((uint32_t)behind >= h->len) {
		link->figures.doubled++;
		return;
	}
	if (h->len - (uint32_t)behind > free_window(link))
		return; /* more than was allowed: it will come again */
	if (strbuf_add(&link->in, payload + behind, h->len - (size_t)behind) < 0) {
		link->in.error = 0;
		return;
	}
	link->in_next += h->len - (uint32_t)behind;
}

static void take_reset(struct link *link, const struct header *h, const char *payload)
{
	if (link->is_host || h->len != RESET_KEY_LEN || h->epoch == 0)
		return;
	if (link->has_key && memcmp(payload, link->key, RESET_KEY_LEN) != 0)
		return;
	/* One that was late: its host is gone, and another has opened since. */
	if (link->state == LINK_OPEN && distance(link->epoch, h->epoch) < 0)
		return;
	take_key(link, payload);
	link->has_key = true;
	if (link->state != LINK_OPEN || link->epoch != h->epoch) {
		begin(link, h->epoch, LINK_OPEN);
		link->reset = true;
	}
	link->ack_due = true;
}

/* The other side has no epoch, or we have none. */
static void take_stray(struct link *link, const struct header *h, int64_t now_ms)
{
	if (!link->is_host)
		link->ack_due = link->ack_due || link->state == LINK_CLOSED;
	else if (h->epoch == 0 && link->state == LINK_OPENING)
		link->deadline_ms = now_ms;
	else if (h->epoch == 0 && link->state == LINK_OPEN)
		link->restarted = true;
}

static void take_frame(struct link *link, const struct header *h, const char *payload,
		       int64_t now_ms)
{
	if (h->type == TYPE_RESET) {
		take_reset(link, h, payload);
		return;
	}
	if (h->epoch != link->epoch || link->state == LINK_CLOSED) {
		take_stray(link, h, now_ms);
		return;
	}
	if (link->state == LINK_OPENING) {
		/* Whatever it says, the guest has heard us. */
		link->state = LINK_OPEN;
		link->deadline_ms = -1;
		link->resend_ms = link->resend_min_ms;
	}
	take_ack(link, h, now_ms);
	if (h->type == TYPE_DATA && h->len > 0)
		take_data(link, h, payload);
}

/* A whole frame at data: its length; 0 when more bytes are needed, -1 when none begins here. */
static int64_t decode(const struct link *link, const char *data, size_t len, struct header *h)
{
	if (len < LINK_HEADER_LEN)
		return 0;
	*h = (struct header){
		.type = (uint8_t)data[2],
		.flags = (uint8_t)data[3],
		.epoch = get32(data + 4),
		.seq = get32(data + 8),
		.ack = get32(data + 12),
		.len = get16(data + 16),
		.window = get16(data + 18),
	};
	if (get16(data) != MAGIC || h->type < TYPE_RESET || h->type > TYPE_ACK ||
	    h->len > LINK_PAYLOAD_MAX)
		return -1;
	if (len < (size_t)LINK_HEADER_LEN + h->len)
		return 0;
	if (checksum(link, h->type, h->epoch, data, h->len) != get32(data + CRC_AT))
		return -1;
	return LINK_HEADER_LEN + (int64_t)h->len;
}

/* Where the next frame may begin, behind data[0]. */
static size_t next_magic(const char *data, size_t len)
{
	const char *end = data + len;

	for (const char *p = data + 1; p < end; p++) {
		p = memchr(p, MAGIC >> 8, (size_t)(end - p));
		if (!p)
			return len;
		if (p + 1 == end || (unsigned char)p[1] == (MAGIC & 0xff))
			return (size_t)(p - data);
	}
	return len;
}

/* A header whose length is wrong would wait for bytes that never come: what has a whole frame
 * further on is torn. */
static bool is_torn(const struct link *link, const char *data, size_t len)
{
	struct header h;

	for (size_t at = next_magic(data, len); at < len; at += next_magic(data + at, len - at))
		if (decode(link, data + at, len - at, &h) > 0)
			return true;
	return false;
}

int link_receive(struct link *link, const void *data, size_t len, int64_t now_ms)
{
	struct header h;
	size_t used = 0;
	int64_t n;

	if (strbuf_add(&link->wire, data, len) < 0) {
		strbuf_done(&link->wire);
		return -ENOMEM;
	}
	while (used < link->wire.len) {
		const char *pos = link->wire.data + used;
		size_t left = link->wire.len - used;

		n = decode(link, pos, left, &h);
		if (n == 0 && left < LINK_FRAME_MAX && !is_torn(link, pos, left))
			break;
		if (n > 0) {
			take_frame(link, &h, pos + LINK_HEADER_LEN, now_ms);
			used += (size_t)n;
			continue;
		}
		left = next_magic(pos, left);
		link->figures.skipped += left;
		used += left;
	}
	strbuf_consume(&link->wire, used);
	return 0;
}

size_t link_room(const struct link *link)
{
	if (link->state != LINK_OPEN)
		return 0;
	return link->out.len < LINK_WINDOW ? LINK_WINDOW - link->out.len : 0;
}

int link_write(struct link *link, const void *data, size_t len)
{
	if (strbuf_add(&link->out, data, len) == 0)
		return 0;
	link->out.error = 0;
	return -ENOMEM;
}

void link_consumed(struct link *link)
{
	uint32_t edge = link->in_next + free_window(link);

	/* Worth telling: the other side may be waiting for it. */
	if (link->state == LINK_OPEN && distance(link->in_told, edge) >= LINK_WINDOW / 4)
		link->ack_due = true;
}

static void transmit_reset(struct link *link, struct strbuf *wire, int64_t now_ms)
{
	if (link->deadline_ms < 0 || now_ms < link->deadline_ms)
		return;
	add_frame(link, wire, TYPE_RESET, 0, link->key, RESET_KEY_LEN);
	link->deadline_ms = now_ms + link->resend_ms;
}

/* Of the bytes before out_next. */
static void count_sent(struct link *link, uint32_t len, int64_t now_ms)
{
	int32_t fresh = distance(link->out_edge, link->out_next);

	if (!link->timing && fresh == (int32_t)len) {
		link->timing = true;
		link->timed_seq = link->out_next;
		link->timed_ms = now_ms;
	}
	link->figures.sent += len;
	link->figures.again += fresh < 0 ? len : fresh < (int32_t)len ? len - (uint32_t)fresh : 0;
	if (fresh > 0)
		link->out_edge = link->out_next;
}

void link_transmit(struct link *link, struct strbuf *wire, size_t max, int64_t now_ms)
{
	if (link->state == LINK_OPENING)
		transmit_reset(link, wire, now_ms);
	if (link->state == LINK_CLOSED && link->ack_due)
		add_frame(link, wire, TYPE_ACK, 0, NULL, 0);
	if (link->state != LINK_OPEN)
		return;
	while (wire->len < max) {
		uint32_t sent = link->out_next - link->out_first;
		int32_t window = distance(link->out_next, link->out_limit);
		size_t len = link->out.len - sent;

		if (window < 0 || len > (size_t)window)
			len = window < 0 ? 0 : (size_t)window;
		if (len > LINK_PAYLOAD_MAX)
			len = LINK_PAYLOAD_MAX;
		if (len == 0)
			break;
		add_frame(link, wire, TYPE_DATA, link->out_next, link->out.data + sent, len);
		link->out_next += (uint32_t)len;
		count_sent(link, (uint32_t)len, now_ms);
	}
	if (is_waiting(link) && link->deadline_ms < 0)
		arm(link, now_ms);
	if (link->ack_due && wire->len < max)
		add_frame(link, wire, TYPE_ACK, link->out_next, NULL, 0);
}

int64_t link_deadline(const struct link *link)
{
	return link->deadline_ms;
}

void link_expire(struct link *link, int64_t now_ms)
{
	if (link->deadline_ms < 0 || now_ms < link->deadline_ms)
		return;
	if (link->resend_ms < LINK_BACKOFF * link->resend_min_ms)
		link->resend_ms *= 2;
	if (link->state == LINK_OPENING)
		return;
	link->out_next = link->out_first;
	link->rewound = link->timing = false;
	link->figures.expired++;
	/* One byte beyond a closed window asks whether it has opened. */
	if (link->out.len > 0 && distance(link->out_first, link->out_limit) <= 0)
		link->out_limit = link->out_first + 1;
	arm(link, now_ms);
}
