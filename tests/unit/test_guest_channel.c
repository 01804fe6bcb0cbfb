#include "agent/guest/channel.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>
#include "agent/proto/hyperstart.h"
#include "agent/proto/linked.h"
#include "tests/unit/lossy.h"

enum { FRAMES = 200, FRAME_BYTES = 1000, TURN_MS = 2, TURNS_MAX = 5000, PER_MILLE = 40 };

static const unsigned char key[RESET_KEY_LEN] = "sixteen letters";

/* The guest's channel, a host's end of the link, and a carrier that loses bytes between. */
struct rig {
	struct loop *loop;
	struct channel channel;
	struct lossy lossy;
	struct linked host;
	int host_fd;
	struct strbuf host_in, host_out;
	size_t host_sent;
	uint32_t guest_got, host_got; /* numbered frames, in order */
	unsigned joined, taken_over, drained;
};

static void put_frame(struct strbuf *buf, uint32_t number)
{
	char payload[FRAME_BYTES];

	memset(payload, (int)number, sizeof(payload));
	memcpy(payload, &number, sizeof(number));
	assert_int_equal(tty_encode(buf, 7, payload, sizeof(payload)), 0);
}

static int64_t take_frames(const char *data, size_t len, uint32_t *count)
{
	struct tty_frame frame;
	size_t taken = 0;
	int64_t n;

	while ((n = tty_decode(data + taken, len - taken, &frame)) > 0) {
		assert_int_equal(frame.len, FRAME_BYTES);
		assert_memory_equal(frame.payload, count, sizeof(*count));
		assert_int_equal((unsigned char)frame.payload[FRAME_BYTES - 1], *count & 0xff);
		++*count;
		taken += (size_t)n;
	}
	assert_true(n == 0);
	return (int64_t)taken;
}

static void connected(void *arg, bool taken_over)
{
	struct rig *rig = arg;

	rig->joined += !taken_over;
	rig->taken_over += taken_over;
}

static int64_t input(void *arg, const char *data, size_t len, size_t fresh)
{
	struct rig *rig = arg;

	(void)fresh;
	return take_frames(data, len, &rig->guest_got);
}

static void drained(void *arg)
{
	((struct rig *)arg)->drained++;
}

static const struct channel_events events = { connected, input, drained };

static void host_flush(void *arg)
{
	struct rig *rig = arg;

	assert_true(linked_flush(&rig->host, rig->host_fd, &rig->host_out, &rig->host_sent) >= 0);
}

static void on_host(void *arg, int fd, uint32_t what)
{
	struct rig *rig = arg;
	char data[65536];
	ssize_t n = recv(fd, data, sizeof(data), MSG_DONTWAIT);

	(void)what;
	if (n > 0)
		linked_receive(&rig->host, data, (size_t)n);
	assert_true(linked_take(&rig->host, &rig->host_in) >= 0);
	strbuf_consume(&rig->host_in, (size_t)take_frames(strbuf_str(&rig->host_in),
							  rig->host_in.len, &rig->host_got));
	host_flush(rig);
}

static void open_host(struct rig *rig, uint32_t epoch)
{
	strbuf_clear(&rig->host_in);
	strbuf_clear(&rig->host_out);
	rig->host_sent = 0;
	linked_done(&rig->host);
	linked_init(&rig->host, rig->loop, true, host_flush, rig);
	linked_open(&rig->host, key, epoch);
	host_flush(rig);
}

static void rig_open(struct rig *rig, unsigned per_mille)
{
	int guest[2], host[2];

	*rig = (struct rig){ .loop = loop_new() };
	assert_non_null(rig->loop);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, guest), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, host), 0);
	lossy_start(&rig->lossy, rig->loop, guest[1], host[1], per_mille, 5);
	rig->host_fd = host[0];
	linked_init(&rig->host, rig->loop, true, host_flush, rig);
	assert_int_equal(loop_add_fd(rig->loop, host[0], EPOLLIN, on_host, rig), 0);
	rig->channel = (struct channel){
		.loop = rig->loop,
		.length_at = 8,
		.keep_output = true,
		.events = &events,
		.arg = rig,
		.acknowledged = true,
	};
	assert_int_equal(channel_start(&rig->channel, guest[0]), 0);
}

static void rig_close(struct rig *rig)
{
	loop_remove_fd(rig->loop, rig->channel.fd);
	loop_remove_fd(rig->loop, rig->host_fd);
	linked_done(&rig->channel.linked);
	linked_done(&rig->host);
	lossy_stop(&rig->lossy);
	close(rig->channel.fd);
	close(rig->host_fd);
	strbuf_done(&rig->channel.in);
	strbuf_done(&rig->channel.out);
	strbuf_done(&rig->host_in);
	strbuf_done(&rig->host_out);
	loop_free(rig->loop);
}

static void end_turn(void *arg)
{
	loop_stop(arg, 1);
}

static void turn(struct rig *rig)
{
	assert_true(loop_add_timer(rig->loop, TURN_MS, end_turn, rig->loop) > 0);
	assert_int_equal(loop_run(rig->loop), 1);
}

/* Until both have got so many frames. */
static void run_until(struct rig *rig, uint32_t guest, uint32_t host)
{
	for (int i = 0; i < TURNS_MAX && (rig->guest_got < guest || rig->host_got < host); i++)
		turn(rig);
	assert_int_equal(rig->guest_got, guest);
	assert_int_equal(rig->host_got, host);
}

static void put_all(struct rig *rig, uint32_t from, uint32_t to)
{
	for (uint32_t i = from; i < to; i++) {
		put_frame(&rig->host_out, i);
		put_frame(&rig->channel.out, i);
	}
	host_flush(rig);
	channel_flush(&rig->channel);
}

static void test_what_is_lost_is_sent_again(void **state)
{
	struct rig rig;

	(void)state;
	rig_open(&rig, PER_MILLE);
	open_host(&rig, 1);
	put_all(&rig, 0, FRAMES);
	run_until(&rig, FRAMES, FRAMES);
	assert_int_equal(rig.joined, 1);
	assert_int_equal(rig.taken_over, 0);
	assert_true(rig.lossy.hits > 5);
	rig_close(&rig);
}

/* The output from before there was a host is kept, and nothing is armed once all is there. */
static void test_at_rest_there_is_no_timer(void **state)
{
	struct rig rig;

	(void)state;
	rig_open(&rig, 0);
	put_frame(&rig.channel.out, 0);
	channel_flush(&rig.channel);
	for (int i = 0; i < 5; i++)
		turn(&rig);
	open_host(&rig, 1);
	put_frame(&rig.host_out, 0);
	host_flush(&rig);
	run_until(&rig, 1, 1);
	for (int i = 0; i < TURNS_MAX && (rig.host.timer || rig.channel.linked.timer); i++)
		turn(&rig);
	assert_int_equal(rig.host.timer, 0);
	assert_int_equal(rig.channel.linked.timer, 0);
	assert_int_equal(link_deadline(&rig.host.link), -1);
	assert_int_equal(link_deadline(&rig.channel.linked.link), -1);
	rig_close(&rig);
}

/* A host that dies in the middle is followed by one that begins with whole frames. */
static void test_a_new_host_takes_over(void **state)
{
	struct rig rig;

	(void)state;
	rig_open(&rig, PER_MILLE);
	open_host(&rig, 1);
	put_all(&rig, 0, FRAMES);
	for (int i = 0; i < TURNS_MAX && rig.guest_got < 20; i++)
		turn(&rig);
	open_host(&rig, 2);
	for (int i = 0; i < TURNS_MAX && !(rig.taken_over && linked_is_open(&rig.host)); i++)
		turn(&rig);
	assert_int_equal(rig.joined, 1);
	assert_int_equal(rig.taken_over, 1);
	/* What the channel still had to send is gone with the old host: its owner sends again. */
	assert_int_equal(rig.channel.out.len, 0);
	rig.guest_got = rig.host_got = 0;
	put_all(&rig, 0, 50);
	run_until(&rig, 50, 50);
	rig_close(&rig);
}

/* Input that nobody takes closes the window at last, but holds no output up. */
static void test_a_paused_channel_still_sends(void **state)
{
	struct rig rig;

	(void)state;
	rig_open(&rig, PER_MILLE);
	open_host(&rig, 1);
	put_all(&rig, 0, 1);
	run_until(&rig, 1, 1);
	channel_pause(&rig.channel, true);
	put_all(&rig, 1, FRAMES);
	run_until(&rig, 1, FRAMES);
	assert_true(rig.channel.linked.link.in.len <= LINK_WINDOW);
	channel_pause(&rig.channel, false);
	run_until(&rig, FRAMES, FRAMES);
	rig_close(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_lost_is_sent_again),
		cmocka_unit_test(test_at_rest_there_is_no_timer),
		cmocka_unit_test(test_a_new_host_takes_over),
		cmocka_unit_test(test_a_paused_channel_still_sends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
