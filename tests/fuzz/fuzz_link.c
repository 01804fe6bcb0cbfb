/*
 * The acknowledged link under a channel that the input commands: what is written at either end
 * comes out at the other, whole and in order, whatever the channel loses, doubles, tears, damages
 * or delays, and though hosts die and others open. The input ends before the transfer does: from
 * then on the channel is good.
 */
#include <stdlib.h>
#include <string.h>
#include "agent/proto/link.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
	TOTAL = 48 << 10,
	WIRE_ROOM = 8 << 10,
	STEP_MS = 50,
	STEPS_MAX = 20000,
	INPUT_MAX = 4096,
	HOSTS_MAX = 6
};

enum fate { FATE_DROP = 1, FATE_TWICE, FATE_CUT, FATE_DAMAGE, FATE_LATE, FATE_HOST };

static const unsigned char key[RESET_KEY_LEN] = "sixteen letters";

struct run {
	struct link ends[2];
	struct strbuf held[2];
	size_t sent[2], got[2]; /* since the epoch began for that end */
	uint32_t hosts;
	bool host_dies;
	int64_t now_ms;
	const uint8_t *input;
	size_t left;
};

static uint8_t next(struct run *run)
{
	if (run->left == 0)
		return 0;
	run->left--;
	return *run->input++;
}

/* Of each epoch other bytes: what is late must not be taken for what is new. */
static char byte_at(int from, uint32_t epoch, size_t i)
{
	return (char)((i * 2654435761U >> 11) + (size_t)from + epoch * 11);
}

static void deliver(struct run *run, int to, const char *data, size_t len)
{
	if (link_receive(&run->ends[to], data, len, run->now_ms) < 0)
		abort();
}

static void carry(struct run *run, int to, char *data, size_t len)
{
	uint8_t fate = next(run);
	struct strbuf *held = &run->held[to];

	switch (fate & 15) {
	case FATE_DROP:
		return;
	case FATE_CUT:
		len = len * (fate >> 4) / 16;
		break;
	case FATE_DAMAGE:
		data[len * (fate >> 4) / 16] ^= 0x20;
		break;
	case FATE_LATE:
		if (held->len == 0 && strbuf_add(held, data, len) == 0)
			return;
		break;
	case FATE_HOST:
		run->host_dies = true;
		break;
	default:
		break;
	}
	deliver(run, to, data, len);
	if ((fate & 15) == FATE_TWICE)
		deliver(run, to, data, len);
	if (held->len > 0) {
		deliver(run, to, held->data, held->len);
		strbuf_clear(held);
	}
}

static void transmit(struct run *run, int from)
{
	struct strbuf wire = { 0 };
	size_t at = 0;

	link_transmit(&run->ends[from], &wire, WIRE_ROOM, run->now_ms);
	while (at < wire.len) {
		size_t len = LINK_HEADER_LEN + ((size_t)(unsigned char)wire.data[at + 16] << 8 |
						(unsigned char)wire.data[at + 17]);

		carry(run, !from, wire.data + at, len);
		at += len;
	}
	strbuf_done(&wire);
}

/* Another host opens, which knows nothing of the one before. */
static void change_host(struct run *run)
{
	run->host_dies = false;
	if (run->hosts == HOSTS_MAX)
		return;
	link_done(&run->ends[0]);
	link_init(&run->ends[0], true);
	link_open(&run->ends[0], key, ++run->hosts, run->now_ms);
	run->sent[0] = run->got[0] = 0;
}

/* The guest's bytes begin anew with the host that has opened. */
static void follow_reset(struct run *run)
{
	if (!run->ends[1].reset)
		return;
	run->ends[1].reset = false;
	run->sent[1] = run->got[1] = 0;
}

static void write_some(struct run *run, int from)
{
	char data[3000];
	size_t len = link_room(&run->ends[from]);

	len = len < sizeof(data) ? len : sizeof(data);
	len = len < TOTAL - run->sent[from] ? len : TOTAL - run->sent[from];
	for (size_t i = 0; i < len; i++)
		data[i] = byte_at(from, run->ends[from].epoch, run->sent[from] + i);
	if (link_write(&run->ends[from], data, len) < 0)
		abort();
	run->sent[from] += len;
}

static void read_all(struct run *run, int to)
{
	struct link *link = &run->ends[to];

	for (size_t i = 0; i < link->in.len; i++)
		if (link->in.data[i] != byte_at(!to, link->epoch, run->got[to] + i))
			abort();
	run->got[to] += link->in.len;
	strbuf_clear(&link->in);
	link_consumed(link);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct run run = { .input = data, .left = size < INPUT_MAX ? size : INPUT_MAX, .hosts = 1 };
	unsigned steps = 0;

	link_init(&run.ends[0], true);
	link_init(&run.ends[1], false);
	link_open(&run.ends[0], key, 1, 0);
	while (run.got[0] < TOTAL || run.got[1] < TOTAL || run.ends[1].epoch != run.hosts) {
		if (steps++ > STEPS_MAX)
			abort();
		for (int end = 0; end < 2; end++) {
			write_some(&run, end);
			transmit(&run, end);
			follow_reset(&run);
			read_all(&run, !end);
			link_expire(&run.ends[end], run.now_ms);
		}
		if (run.host_dies)
			change_host(&run);
		run.now_ms += STEP_MS;
	}
	for (int end = 0; end < 2; end++) {
		link_done(&run.ends[end]);
		strbuf_done(&run.held[end]);
	}
	return 0;
}
