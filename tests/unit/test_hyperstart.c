#include "agent/proto/hyperstart.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define BYTES(s) (s), (sizeof(s) - 1)

static void assert_bytes(const struct strbuf *buf, const char *bytes, size_t len)
{
	assert_int_equal(buf->len, len);
	assert_memory_equal(buf->data, bytes, len);
}

static void test_ctl_vectors(void **state)
{
	static const struct {
		uint32_t code;
		const char *payload;
		size_t payload_len;
		const char *wire;
		size_t wire_len;
	} vectors[] = {
		{ 8, "", 0, BYTES("\0\0\0\x08\0\0\0\x08") },			      /* READY */
		{ 12, "", 0, BYTES("\0\0\0\x0c\0\0\0\x08") },			      /* PING */
		{ 9, "", 0, BYTES("\0\0\0\x09\0\0\0\x08") },			      /* ACK */
		{ 10, "", 0, BYTES("\0\0\0\x0a\0\0\0\x08") },			      /* ERROR */
		{ 14, BYTES("\0\0\0\x08"), BYTES("\0\0\0\x0e\0\0\0\x0c\0\0\0\x08") }, /* NEXT(8) */
		{ 0, "", 0, BYTES("\0\0\0\0\0\0\0\x08") }, /* GETVERSION */
		{ 9, BYTES("\0\0\x10\x94"), BYTES("\0\0\0\x09\0\0\0\x0c\0\0\x10\x94") },
		{ 22, BYTES("{\"container\":\"c1\"}"),
		  BYTES("\0\0\0\x16\0\0\0\x1a{\"container\":\"c1\"}") },
		{ 10, "no such container", 18, BYTES("\0\0\0\x0a\0\0\0\x1ano such container\0") },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		auto_strbuf struct strbuf buf = { 0 };
		struct ctl_frame frame;

		assert_int_equal(ctl_encode(&buf, vectors[i].code, vectors[i].payload,
					    vectors[i].payload_len),
				 0);
		assert_bytes(&buf, vectors[i].wire, vectors[i].wire_len);
		assert_int_equal(ctl_decode(buf.data, buf.len, &frame), vectors[i].wire_len);
		assert_int_equal(frame.code, vectors[i].code);
		assert_int_equal(frame.len, vectors[i].payload_len);
		assert_memory_equal(frame.payload, vectors[i].payload, frame.len);
	}
}

static void test_tty_vectors(void **state)
{
	auto_strbuf struct strbuf buf = { 0 };
	struct tty_frame frame;

	(void)state;
	assert_int_equal(tty_encode(&buf, 3, "out\n", 4), 0);
	assert_bytes(&buf, BYTES("\0\0\0\0\0\0\0\x03\0\0\0\x10out\n"));
	strbuf_clear(&buf);
	assert_int_equal(tty_encode(&buf, 3, NULL, 0), 0);
	assert_bytes(&buf, BYTES("\0\0\0\0\0\0\0\x03\0\0\0\x0c"));
	strbuf_clear(&buf);
	assert_int_equal(tty_encode(&buf, 3, "\x2a", 1), 0);
	assert_bytes(&buf, BYTES("\0\0\0\0\0\0\0\x03\0\0\0\x0d\x2a"));
	assert_int_equal(tty_decode(buf.data, buf.len, &frame), 13);
	assert_int_equal(frame.stream, 3);
	assert_int_equal(frame.len, 1);
	assert_int_equal(frame.payload[0], 42);
}

static void test_credit_names_its_stream(void **state)
{
	auto_strbuf struct strbuf buf = { 0 };

	(void)state;
	assert_int_equal(tty_encode_credit(&buf, 5, 0x10203), 0);
	assert_bytes(&buf, BYTES("\x80\0\0\0\0\0\0\x05\0\0\0\x10\0\x01\x02\x03"));
}

static void test_split_frames_wait(void **state)
{
	static const char ctl[] = "\0\0\0\x09\0\0\0\x0c\0\0\x10\x94";
	static const char tty[] = "\0\0\0\0\0\0\0\x03\0\0\0\x10out\n";
	struct ctl_frame ctl_frame;
	struct tty_frame tty_frame;

	(void)state;
	for (size_t len = 0; len < sizeof(ctl) - 1; len++)
		assert_int_equal(ctl_decode(ctl, len, &ctl_frame), 0);
	for (size_t len = 0; len < sizeof(tty) - 1; len++)
		assert_int_equal(tty_decode(tty, len, &tty_frame), 0);
}

static void test_impossible_lengths(void **state)
{
	struct ctl_frame ctl;
	struct tty_frame tty;

	(void)state;
	assert_int_equal(ctl_decode(BYTES("\0\0\0\x09\0\0\0\x07"), &ctl), -EBADMSG);
	assert_int_equal(ctl_decode(BYTES("\0\0\0\x09\0\0\0\0"), &ctl), -EBADMSG);
	assert_int_equal(ctl_decode(BYTES("\0\0\0\x09\x01\0\0\x01"), &ctl), -EBADMSG);
	assert_int_equal(ctl_decode(BYTES("\0\0\0\x09\x01\0\0\0"), &ctl), 0);
	assert_int_equal(ctl_decode(BYTES("\0\0\0\x09\xff\xff\xff\xff"), &ctl), -EBADMSG);
	assert_int_equal(tty_decode(BYTES("\0\0\0\0\0\0\0\x03\0\0\0\x0b"), &tty), -EBADMSG);
	assert_int_equal(tty_decode(BYTES("\0\0\0\0\0\0\0\x03\0\x01\0\x01"), &tty), -EBADMSG);
	assert_int_equal(tty_decode(BYTES("\0\0\0\0\0\0\0\x03\0\x01\0\0"), &tty), 0);
}

static void test_too_large_leaves_nothing(void **state)
{
	auto_strbuf struct strbuf buf = { 0 };
	auto_strbuf struct strbuf small = { .max = 10 };
	char *large = calloc(1, CTL_FRAME_MAX);

	(void)state;
	assert_non_null(large);
	assert_int_equal(ctl_encode(&buf, 17, large, CTL_FRAME_MAX - CTL_HEADER_LEN + 1), -E2BIG);
	assert_int_equal(tty_encode(&buf, 3, large, TTY_FRAME_MAX - TTY_HEADER_LEN + 1), -E2BIG);
	assert_int_equal(buf.len, 0);
	assert_int_equal(ctl_encode(&buf, 17, large, CTL_FRAME_MAX - CTL_HEADER_LEN), 0);
	assert_int_equal(buf.len, CTL_FRAME_MAX);
	assert_int_equal(ctl_encode(&small, 17, large, 3), -E2BIG);
	assert_int_equal(small.len, 0);
	free(large);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ctl_vectors),
		cmocka_unit_test(test_tty_vectors),
		cmocka_unit_test(test_credit_names_its_stream),
		cmocka_unit_test(test_split_frames_wait),
		cmocka_unit_test(test_impossible_lengths),
		cmocka_unit_test(test_too_large_leaves_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
