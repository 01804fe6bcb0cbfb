#include "agent/guest/kept.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/guest/channel.h"
#include "agent/guest/stream.h"

enum { STREAM = 5, HOST_ROOM = 4 << 20 };

/* An output, its process and its host; the byte at n is known, so that none can be lost unseen. */
struct rig {
	struct channel tty;
	struct guest guest;
	struct stream st;
	struct stream_out *out;
	int process, host;
	uint64_t said;	/* by the process */
	uint64_t heard; /* by the host */
	struct strbuf in;
	uint32_t random;
};

static char byte_at(uint64_t n)
{
	return (char)(n * 2654435761u >> 13 ^ n);
}

static void on_drained(void *arg)
{
	(void)arg;
}

static const struct channel_events events = { .drained = on_drained };

static void begin(struct rig *rig)
{
	int room = HOST_ROOM;
	int ends[2], pair[2];

	*rig = (struct rig){ .tty = { .length_at = 8, .connected = true, .events = &events },
			     .random = 7 };
	assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
	assert_true(fcntl(ends[0], F_SETPIPE_SZ, STREAM_WINDOW_MAX) > 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
	(void)setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
	rig->guest = (struct guest){
		.tty = &rig->tty, .flow = true, .resume = true, .out_window = STREAM_WINDOW_MAX
	};
	rig->tty.fd = pair[0];
	rig->host = pair[1];
	rig->process = ends[1];
	stream_init(&rig->st, &rig->guest, STREAM, STREAM + 1);
	rig->out = &rig->st.out;
	rig->out->fd = ends[0];
}

static void end(struct rig *rig)
{
	stream_done(&rig->st);
	strbuf_done(&rig->in);
	strbuf_done(&rig->tty.out);
	(void)close(rig->process);
	(void)close(rig->host);
	(void)close(rig->tty.fd);
}

static uint32_t next_random(struct rig *rig, uint32_t below)
{
	rig->random = rig->random * 1664525 + 1013904223;
	return (rig->random >> 8) % below;
}

static void say(struct rig *rig, size_t len)
{
	char data[8192];
	ssize_t n;

	if (len > sizeof(data))
		len = sizeof(data);
	for (size_t i = 0; i < len; i++)
		data[i] = byte_at(rig->said + i);
	n = write(rig->process, data, len);
	assert_true(n > 0 || errno == EAGAIN);
	rig->said += n > 0 ? (uint64_t)n : 0;
}

/* Takes the frames that have come, and checks each byte. */
static void hear(struct rig *rig)
{
	struct tty_frame frame;
	ssize_t got;
	int64_t n;

	for (;;) {
		channel_flush(&rig->tty);
		got = read(rig->host, strbuf_reserve(&rig->in, 65536), 65536);
		if (got <= 0)
			break;
		strbuf_grown(&rig->in, (size_t)got);
		while ((n = tty_decode(rig->in.data, rig->in.len, &frame)) > 0) {
			assert_int_equal(frame.stream, STREAM);
			assert_true(frame.len > 0);
			for (uint32_t i = 0; i < frame.len; i++)
				assert_int_equal(frame.payload[i], byte_at(rig->heard + i));
			rig->heard += frame.len;
			strbuf_consume(&rig->in, (size_t)n);
		}
		assert_int_equal(n, 0);
	}
}

static void test_every_byte_comes_once(void **state)
{
	struct rig rig;

	(void)state;
	begin(&rig);
	while (rig.said < 24 << 20) {
		uint64_t unacked = rig.out->end - rig.out->taken;
		size_t most = (size_t)(STREAM_WINDOW_MAX - unacked);

		for (uint32_t i = next_random(&rig, 140); i > 0; i--)
			say(&rig, 1 + next_random(&rig, 9000));
		if (most > 0)
			(void)!kept_read(rig.out, next_random(&rig, 2) ? most : most / 3 + 1);
		kept_send(rig.out);
		hear(&rig);
		rig.out->taken += next_random(&rig, (uint32_t)(rig.heard - rig.out->taken) + 1);
		kept_drop_taken(rig.out);
		assert_true(rig.out->kept.cap <= TTY_HEADER_LEN + 2 * STREAM_WINDOW_MAX);
	}
	assert_true(rig.heard > 20 << 20);
	end(&rig);
}

static void test_a_host_that_resumes_gets_what_was_lost(void **state)
{
	struct rig rig;
	struct error err;

	(void)state;
	begin(&rig);
	for (int round = 0; round < 300; round++) {
		uint64_t unacked = rig.out->end - rig.out->taken;

		for (int i = 0; i < 20; i++)
			say(&rig, 1 + next_random(&rig, 9000));
		(void)!kept_read(rig.out, (size_t)(STREAM_WINDOW_MAX - unacked));
		kept_send(rig.out);
		hear(&rig);
		assert_int_equal(rig.heard, rig.out->end);
		unacked = rig.heard - rig.out->taken;
		/* the next host has passed some of it on, received more, and lost the rest */
		rig.out->taken += next_random(&rig, (uint32_t)unacked + 1);
		kept_drop_taken(rig.out);
		unacked = rig.heard - rig.out->taken;
		rig.heard = rig.out->taken + next_random(&rig, (uint32_t)unacked + 1);
		assert_int_equal(kept_set_back(rig.out, rig.heard, rig.out->taken, &err), 0);
		kept_send(rig.out);
		hear(&rig);
		assert_int_equal(rig.heard, rig.out->end);
	}
	end(&rig);
}

static void test_what_was_taken_is_not_to_be_had_again(void **state)
{
	struct rig rig;
	struct error err;

	(void)state;
	begin(&rig);
	say(&rig, 1000);
	assert_int_equal(kept_read(rig.out, 4096), 1000);
	kept_send(rig.out);
	rig.out->taken = 600;
	kept_drop_taken(rig.out);
	assert_int_equal(kept_set_back(rig.out, 700, 599, &err), -EINVAL);
	assert_int_equal(kept_set_back(rig.out, 1001, 700, &err), -EINVAL);
	assert_int_equal(kept_set_back(rig.out, 700, 800, &err), -EINVAL);
	assert_int_equal(kept_set_back(rig.out, 700, 600, &err), 0);
	end(&rig);
}

/* Without a host that resumes nothing is kept beyond its sending. */
static void test_nothing_is_kept_for_nobody(void **state)
{
	struct rig rig;

	(void)state;
	begin(&rig);
	rig.guest.resume = false;
	say(&rig, 5000);
	assert_int_equal(kept_read(rig.out, 4096), 4096);
	kept_send(rig.out);
	assert_int_equal(rig.out->kept.from, rig.out->kept.len);
	hear(&rig);
	assert_int_equal(rig.heard, 4096);
	end(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_byte_comes_once),
		cmocka_unit_test(test_a_host_that_resumes_gets_what_was_lost),
		cmocka_unit_test(test_what_was_taken_is_not_to_be_had_again),
		cmocka_unit_test(test_nothing_is_kept_for_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
