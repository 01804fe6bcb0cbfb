#include "agent/proto/link.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { HOST, GUEST, TOTAL = 1 << 20, WIRE_ROOM = 16 << 10, STEP_MS = 10, STEPS_MAX = 200000 };

static const unsigned char key[RESET_KEY_LEN] = "sixteen letters";

/* How often of a thousand frames something befalls them. */
struct faults {
	unsigned drop, twice, late, cut;
};

/* Both ends and the channel between them, in simulated time. */
struct rig {
	struct link ends[2];
	struct strbuf held[2]; /* late, by direction */
	size_t sent[2], got[2];
	struct faults faults;
	uint32_t random;
	int64_t now_ms;
	unsigned resets;
};

static unsigned draw(struct rig *rig)
{
	rig->random = rig->random * 1664525 + 1013904223;
	return (rig->random >> 8) % 1000;
}

/* What byte number i of that direction is. */
static char byte_at(int from, size_t i)
{
	return (char)((i * 2654435761U >> 13) + i / 4093 + (from == HOST ? 0 : 77));
}

static void deliver(struct rig *rig, int to, const void *data, size_t len)
{
	assert_int_equal(link_receive(&rig->ends[to], data, len, rig->now_ms), 0);
}

/* One frame meets its fate. */
static void carry(struct rig *rig, int to, const char *data, size_t len)
{
	struct strbuf *held = &rig->held[to];

	if (draw(rig) < rig->faults.drop)
		return;
	if (draw(rig) < rig->faults.cut)
		len = len * draw(rig) / 1000;
	if (held->len == 0 && draw(rig) < rig->faults.late) {
		assert_int_equal(strbuf_add(held, data, len), 0);
		return;
	}
	deliver(rig, to, data, len);
	if (draw(rig) < rig->faults.twice)
		deliver(rig, to, data, len);
	if (held->len > 0) {
		deliver(rig, to, held->data, held->len);
		strbuf_clear(held);
	}
}

static void transmit(struct rig *rig, int from)
{
	struct strbuf wire = { 0 };
	size_t at = 0;

	link_transmit(&rig->ends[from], &wire, WIRE_ROOM, rig->now_ms);
	while (at < wire.len) {
		size_t len = LINK_HEADER_LEN + ((size_t)(unsigned char)wire.data[at + 16] << 8 |
						(unsigned char)wire.data[at + 17]);

		carry(rig, !from, wire.data + at, len);
		at += len;
	}
	strbuf_done(&wire);
}

static void write_some(struct rig *rig, int from, size_t total)
{
	struct link *link = &rig->ends[from];
	char data[5000];
	size_t len = link_room(link);

	if (len > sizeof(data))
		len = sizeof(data);
	if (len > total - rig->sent[from])
		len = total - rig->sent[from];
	for (size_t i = 0; i < len; i++)
		data[i] = byte_at(from, rig->sent[from] + i);
	assert_int_equal(link_write(link, data, len), 0);
	rig->sent[from] += len;
}

static void read_all(struct rig *rig, int to)
{
	struct link *link = &rig->ends[to];

	for (size_t i = 0; i < link->in.len; i++)
		if (link->in.data[i] != byte_at(!to, rig->got[to] + i))
			fail_msg("byte %zu is wrong", rig->got[to] + i);
	rig->got[to] += link->in.len;
	strbuf_clear(&link->in);
	link_consumed(link);
	if (link->reset) {
		rig->resets++;
		link->reset = false;
	}
}

static void step(struct rig *rig, size_t total)
{
	for (int end = HOST; end <= GUEST; end++) {
		write_some(rig, end, total);
		transmit(rig, end);
		read_all(rig, !end);
		link_expire(&rig->ends[end], rig->now_ms);
	}
	rig->now_ms += STEP_MS;
}

static void rig_open(struct rig *rig, struct faults faults)
{
	*rig = (struct rig){ .faults = faults, .random = 42 };
	link_init(&rig->ends[HOST], true);
	link_init(&rig->ends[GUEST], false);
	link_open(&rig->ends[HOST], key, 7, 0);
}

static void rig_close(struct rig *rig)
{
	for (int end = HOST; end <= GUEST; end++) {
		link_done(&rig->ends[end]);
		strbuf_done(&rig->held[end]);
	}
}

/* Everything arrives in both directions; then neither end waits for anything. */
static void transfer(struct faults faults, size_t total)
{
	struct rig rig;
	unsigned steps = 0;

	rig_open(&rig, faults);
	while (rig.got[HOST] < total || rig.got[GUEST] < total) {
		assert_true(steps++ < STEPS_MAX);
		step(&rig, total);
	}
	rig.faults = (struct faults){ 0 };
	for (int i = 0; i < 1000; i++)
		step(&rig, total);
	assert_int_equal(link_deadline(&rig.ends[HOST]), -1);
	assert_int_equal(link_deadline(&rig.ends[GUEST]), -1);
	assert_int_equal(rig.got[HOST], total);
	assert_int_equal(rig.got[GUEST], total);
	assert_int_equal(rig.resets, 1);
	rig_close(&rig);
}

static void test_nothing_happens_to_it(void **state)
{
	(void)state;
	transfer((struct faults){ 0 }, TOTAL);
}

static void test_one_fault_at_a_time(void **state)
{
	(void)state;
	transfer((struct faults){ .drop = 10 }, TOTAL);
	transfer((struct faults){ .twice = 50 }, TOTAL);
	transfer((struct faults){ .late = 50 }, TOTAL);
	transfer((struct faults){ .cut = 20 }, TOTAL);
}

static void test_all_faults_at_once(void **state)
{
	(void)state;
	transfer((struct faults){ .drop = 100, .twice = 100, .late = 100, .cut = 100 }, TOTAL / 4);
}

static void test_a_reader_that_stops_closes_the_window(void **state)
{
	struct rig rig;
	size_t sent;

	(void)state;
	rig_open(&rig, (struct faults){ 0 });
	for (int i = 0; i < 5; i++)
		step(&rig, 0);
	for (int i = 0; i < 500; i++) {
		write_some(&rig, HOST, TOTAL);
		transmit(&rig, HOST);
		transmit(&rig, GUEST);
		link_expire(&rig.ends[HOST], rig.now_ms);
		rig.now_ms += STEP_MS;
	}
	sent = rig.sent[HOST];
	assert_int_equal(rig.ends[GUEST].in.len, LINK_WINDOW);
	assert_int_equal(sent, 2 * LINK_WINDOW);
	/* The news that there is room again may be lost: the host asks. */
	read_all(&rig, GUEST);
	rig.ends[GUEST].ack_due = false;
	for (int i = 0; i < 2000 && rig.got[GUEST] < sent; i++)
		step(&rig, sent);
	assert_int_equal(rig.got[GUEST], sent);
	rig_close(&rig);
}

static void test_a_new_host_takes_over(void **state)
{
	struct rig rig;
	unsigned char other[RESET_KEY_LEN] = "another's key..";
	struct strbuf late = { 0 };

	(void)state;
	rig_open(&rig, (struct faults){ 0 });
	link_transmit(&rig.ends[HOST], &late, WIRE_ROOM, 0); /* RESET of epoch 7 */
	rig.ends[HOST].deadline_ms = 0;
	for (int i = 0; i < 20; i++)
		step(&rig, 30000);
	assert_int_equal(rig.resets, 1);
	/* Without the key: not heard. */
	link_done(&rig.ends[HOST]);
	link_init(&rig.ends[HOST], true);
	link_open(&rig.ends[HOST], other, 8, rig.now_ms);
	for (int i = 0; i < 100; i++)
		step(&rig, 0);
	assert_int_equal(rig.ends[HOST].state, LINK_OPENING);
	assert_int_equal(rig.resets, 1);
	/* With it, everything begins anew. */
	link_done(&rig.ends[HOST]);
	link_init(&rig.ends[HOST], true);
	link_open(&rig.ends[HOST], key, 8, rig.now_ms);
	memset(rig.sent, 0, sizeof(rig.sent));
	memset(rig.got, 0, sizeof(rig.got));
	for (int i = 0; i < 100; i++)
		step(&rig, 30000);
	assert_int_equal(rig.resets, 2);
	assert_int_equal(rig.got[HOST], 30000);
	assert_int_equal(rig.got[GUEST], 30000);
	/* A RESET of the first that was on the way all the time changes nothing. */
	deliver(&rig, GUEST, late.data, late.len);
	read_all(&rig, GUEST);
	assert_int_equal(rig.resets, 2);
	assert_int_equal(rig.ends[GUEST].epoch, 8);
	strbuf_done(&late);
	rig_close(&rig);
}

/* The bytes of both directions take their time. Nothing is lost, so nothing has to be sent again
 * once that is known. */
static void test_a_slow_channel_is_waited_for(void **state)
{
	enum { ONE_WAY_MS = 350, ROUNDS = 30 };
	struct strbuf wire = { 0 };
	struct rig rig;

	(void)state;
	rig_open(&rig, (struct faults){ 0 });
	for (int i = 0; i < 5; i++)
		step(&rig, 0);
	for (int round = 0; round < ROUNDS; round++) {
		struct link *host = &rig.ends[HOST];

		assert_int_equal(link_write(host, "some bytes", 10), 0);
		for (int way = 0; way < 2; way++) {
			for (int64_t end_ms = rig.now_ms + ONE_WAY_MS; rig.now_ms < end_ms;
			     rig.now_ms += STEP_MS) {
				link_transmit(&rig.ends[way], &wire, WIRE_ROOM, rig.now_ms);
				link_expire(host, rig.now_ms);
			}
			deliver(&rig, !way, wire.data, wire.len);
			strbuf_clear(&wire);
		}
		assert_int_equal(host->out.len, 0);
		strbuf_clear(&rig.ends[GUEST].in);
		link_consumed(&rig.ends[GUEST]);
	}
	assert_in_range(rig.ends[HOST].figures.expired, 1, 6);
	strbuf_done(&wire);
	rig_close(&rig);
}

/* A frame that stands in the payload of one whose header was lost. */
static size_t take_forged(const char *forgers_key)
{
	struct link forger;
	struct strbuf forged = { 0 };
	struct strbuf wire = { 0 };
	struct rig rig;
	size_t got;

	rig_open(&rig, (struct faults){ 0 });
	for (int i = 0; i < 5; i++)
		step(&rig, 0);
	link_init(&forger, true);
	link_open(&forger, (const unsigned char *)forgers_key, rig.ends[HOST].epoch, 0);
	forger.state = LINK_OPEN;
	assert_int_equal(link_write(&forger, "forged", 6), 0);
	link_transmit(&forger, &forged, WIRE_ROOM, 0);
	assert_int_equal(link_write(&rig.ends[HOST], forged.data, forged.len), 0);
	link_transmit(&rig.ends[HOST], &wire, WIRE_ROOM, rig.now_ms);
	deliver(&rig, GUEST, wire.data + 10, wire.len - 10);
	got = rig.ends[GUEST].in.len;
	link_done(&forger);
	strbuf_done(&forged);
	strbuf_done(&wire);
	rig_close(&rig);
	return got;
}

static void test_payload_is_taken_for_a_frame_with_the_key_only(void **state)
{
	(void)state;
	assert_int_equal(take_forged("some other key.."), 0);
	assert_int_equal(take_forged((const char *)key), 6);
}

/* An acknowledgement of what was never sent is not believed. */
static void test_nothing_is_acknowledged_before_it_was_sent(void **state)
{
	struct strbuf wire = { 0 };
	struct rig rig;

	(void)state;
	rig_open(&rig, (struct faults){ 0 });
	for (int i = 0; i < 5; i++)
		step(&rig, 0);
	assert_int_equal(link_write(&rig.ends[HOST], "0123456789", 10), 0);
	rig.ends[GUEST].in_next += 10;
	rig.ends[GUEST].ack_due = true;
	link_transmit(&rig.ends[GUEST], &wire, WIRE_ROOM, rig.now_ms);
	deliver(&rig, HOST, wire.data, wire.len);
	assert_int_equal(rig.ends[HOST].out.len, 10);
	strbuf_done(&wire);
	rig_close(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_happens_to_it),
		cmocka_unit_test(test_one_fault_at_a_time),
		cmocka_unit_test(test_all_faults_at_once),
		cmocka_unit_test(test_a_reader_that_stops_closes_the_window),
		cmocka_unit_test(test_a_new_host_takes_over),
		cmocka_unit_test(test_a_slow_channel_is_waited_for),
		cmocka_unit_test(test_payload_is_taken_for_a_frame_with_the_key_only),
		cmocka_unit_test(test_nothing_is_acknowledged_before_it_was_sent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
