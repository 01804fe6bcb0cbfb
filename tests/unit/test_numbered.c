#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>
#include "agent/proto/numbered.h"
#include "base/strbuf.h"

static void test_bytes_of_a_frame(void **state)
{
	static const unsigned char expected[] = { 0, 0, 0, 96, 0, 0, 0, 18,  1,
						  2, 3, 4, 0,  0, 0, 9, 'o', 'k' };
	auto_strbuf struct strbuf buf = { 0 };

	(void)state;
	assert_int_equal(numbered_encode(&buf, 0x01020304, 9, "ok", 2), 0);
	assert_int_equal(buf.len, sizeof(expected));
	assert_memory_equal(buf.data, expected, sizeof(expected));
}

static void test_a_frame_comes_back(void **state)
{
	auto_strbuf struct strbuf buf = { 0 };
	struct ctl_frame frame, inner;
	uint32_t number;

	(void)state;
	assert_int_equal(numbered_encode(&buf, UINT32_MAX, 68, "{}", 2), 0);
	assert_int_equal(ctl_decode(buf.data, buf.len, &frame), (int64_t)buf.len);
	assert_int_equal(frame.code, CTL_NUMBERED);
	assert_int_equal(numbered_decode(&frame, &number, &inner), 0);
	assert_int_equal(number, UINT32_MAX);
	assert_int_equal(inner.code, 68);
	assert_int_equal(inner.len, 2);
	assert_memory_equal(inner.payload, "{}", 2);
}

static void test_too_short_and_too_long_are_refused(void **state)
{
	auto_strbuf struct strbuf buf = { 0 };
	struct ctl_frame frame = { .code = CTL_NUMBERED, .payload = "1234567", .len = 7 };
	struct ctl_frame inner;
	uint32_t number;

	(void)state;
	assert_int_equal(numbered_decode(&frame, &number, &inner), -EBADMSG);
	assert_int_equal(numbered_encode(&buf, 1, 9, "",
					 CTL_FRAME_MAX - CTL_HEADER_LEN - NUMBERED_HEADER_LEN + 1),
			 -E2BIG);
	assert_int_equal(buf.len, 0);
}

static void test_a_frame_with_a_key_comes_back(void **state)
{
	static const unsigned char expected[] = { 0, 0, 0, 97, 0, 0, 0, 25, 1, 2, 3,  4,  5,
						  6, 7, 8, 0,  0, 0, 9, 0,  0, 0, 68, 'x' };
	auto_strbuf struct strbuf buf = { 0 };
	struct ctl_frame frame, inner;
	uint32_t number;
	uint64_t key;

	(void)state;
	assert_int_equal(once_encode(&buf, UINT64_C(0x0102030405060708), 9, 68, "x", 1), 0);
	assert_int_equal(buf.len, sizeof(expected));
	assert_memory_equal(buf.data, expected, sizeof(expected));
	assert_int_equal(ctl_decode(buf.data, buf.len, &frame), (int64_t)buf.len);
	assert_int_equal(once_decode(&frame, &key, &number, &inner), 0);
	assert_true(key == UINT64_C(0x0102030405060708));
	assert_int_equal(number, 9);
	assert_int_equal(inner.code, 68);
	assert_int_equal(inner.len, 1);
}

static void test_a_key_must_be_there(void **state)
{
	const struct ctl_frame cut = { .code = CTL_ONCE, .payload = "123456789abcdef", .len = 15 };
	auto_strbuf struct strbuf buf = { 0 };
	struct ctl_frame frame, inner;
	uint32_t number;
	uint64_t key;

	(void)state;
	assert_int_equal(once_decode(&cut, &key, &number, &inner), -EBADMSG);
	assert_int_equal(once_encode(&buf, 0, 9, 68, "", 0), 0);
	assert_true(ctl_decode(buf.data, buf.len, &frame) > 0);
	assert_int_equal(once_decode(&frame, &key, &number, &inner), -EBADMSG);
	strbuf_consume(&buf, buf.len);
	assert_int_equal(once_encode(&buf, 1, 0, 68, "", 0), 0);
	assert_true(ctl_decode(buf.data, buf.len, &frame) > 0);
	assert_int_equal(once_decode(&frame, &key, &number, &inner), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bytes_of_a_frame),
		cmocka_unit_test(test_a_frame_comes_back),
		cmocka_unit_test(test_too_short_and_too_long_are_refused),
		cmocka_unit_test(test_a_frame_with_a_key_comes_back),
		cmocka_unit_test(test_a_key_must_be_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
