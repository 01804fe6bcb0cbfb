#include "agent/proto/ccproxy.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define BYTES(s) (s), (sizeof(s) - 1)

struct vector {
	enum ccproxy_type type;
	unsigned opcode;
	bool error;
	const char *payload;
	size_t payload_len;
	const char *header;
};

static const struct vector vectors[] = {
	{ CCPROXY_COMMAND, CCPROXY_ATTACH_VM, false, BYTES("{\"containerId\":\"pod1\"}"),
	  "\0\2\3\0\0\0\0\2\0\0\0\x16" },
	{ CCPROXY_RESPONSE, CCPROXY_ATTACH_VM, false,
	  BYTES("{\"io\":{\"URL\":\"unix:\",\"tokens\":null}}"), "\0\2\3\0\0\0\1\2\0\0\0\x24" },
	{ CCPROXY_RESPONSE, CCPROXY_ATTACH_VM, true,
	  BYTES("{\"msg\":\"unknown containerID: nope\"}"), "\0\2\3\0\0\0\x11\2\0\0\0\x23" },
	{ CCPROXY_COMMAND, CCPROXY_HYPER, false, BYTES("{\"hyperName\":\"ping\",\"tokens\":null}"),
	  "\0\2\3\0\0\0\0\3\0\0\0\x22" },
	{ CCPROXY_RESPONSE, CCPROXY_HYPER, false, "", 0, "\0\2\3\0\0\0\1\3\0\0\0\0" },
	{ CCPROXY_STREAM, CCPROXY_STDOUT, false, BYTES("out\n"), "\0\2\3\0\0\0\2\1\0\0\0\4" },
	{ CCPROXY_STREAM, CCPROXY_STDERR, false, BYTES("out\n"), "\0\2\3\0\0\0\2\2\0\0\0\4" },
	{ CCPROXY_STREAM, CCPROXY_STDIN, false, "", 0, "\0\2\3\0\0\0\2\0\0\0\0\0" },
	{ CCPROXY_NOTIFICATION, CCPROXY_PROCESS_EXITED, false, BYTES("\x2a"),
	  "\0\2\3\0\0\0\3\0\0\0\0\1" },
	{ CCPROXY_COMMAND, CCPROXY_DISCONNECT_SHIM, false, "", 0, "\0\2\3\0\0\0\0\5\0\0\0\0" },
	{ CCPROXY_COMMAND, CCPROXY_CONNECT_SHIM, false,
	  BYTES("{\"token\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\"}"),
	  "\0\2\3\0\0\0\0\4\0\0\0\x38" },
};

enum { N_VECTORS = sizeof(vectors) / sizeof(vectors[0]) };

static void test_vectors(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_VECTORS; i++) {
		const struct vector *v = &vectors[i];
		auto_strbuf struct strbuf buf = { 0 };
		struct ccproxy_frame frame;

		assert_int_equal(ccproxy_encode(&buf, v->type, v->opcode, v->error, v->payload,
						v->payload_len),
				 0);
		assert_int_equal(buf.len, CCPROXY_HEADER_LEN + v->payload_len);
		assert_memory_equal(buf.data, v->header, CCPROXY_HEADER_LEN);
		assert_memory_equal(buf.data + CCPROXY_HEADER_LEN, v->payload, v->payload_len);
		assert_int_equal(ccproxy_decode(buf.data, buf.len, &frame), buf.len);
		assert_int_equal(frame.type, v->type);
		assert_int_equal(frame.opcode, v->opcode);
		assert_int_equal(frame.error, v->error);
		assert_int_equal(frame.len, v->payload_len);
		assert_int_equal(ccproxy_frame_len(buf.data), buf.len);
		for (size_t len = 0; len < buf.len; len++)
			assert_int_equal(ccproxy_decode(buf.data, len, &frame), 0);
	}
}

static void test_longer_header_is_skipped(void **state)
{
	static const char wire[] = "\0\2\4\0\0\0\2\1\0\0\0\4junkout\nnext";
	struct ccproxy_frame frame;

	(void)state;
	assert_int_equal(ccproxy_decode(wire, sizeof(wire) - 1, &frame), 20);
	assert_memory_equal(frame.payload, "out\n", 4);
}

static void test_impossible_headers(void **state)
{
	static const char *const bad[] = {
		"\0\1\3\0\0\0\0\2\0\0\0\0",   /* version 1 */
		"\1\2\3\0\0\0\0\2\0\0\0\0",   /* version 258 */
		"\0\2\0\0\0\0\0\2\0\0\0\0",   /* no header */
		"\0\2\2\0\0\0\0\2\0\0\0\x20", /* header too short */
		"\0\2\3\0\0\0\4\0\0\0\0\0",   /* type 4 */
		"\0\2\3\0\0\0\0\7\0\0\0\0",   /* command 7 */
		"\0\2\3\0\0\0\1\7\0\0\0\0",   /* response 7 */
		"\0\2\3\0\0\0\2\4\0\0\0\0",   /* stream 4 */
		"\0\2\3\0\0\0\3\3\0\0\0\0",   /* notification 3 */
	};
	struct ccproxy_frame frame;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(ccproxy_decode(bad[i], CCPROXY_HEADER_LEN, &frame), -EBADMSG);
}

static void test_large_payload_can_be_refused_kindly(void **state)
{
	static const char wire[] = "\0\2\3\0\0\0\0\3\1\0\0\1";
	static const char largest[] = "\0\2\3\0\0\0\0\3\1\0\0\0";
	struct ccproxy_frame frame;

	(void)state;
	assert_int_equal(ccproxy_decode(wire, CCPROXY_HEADER_LEN, &frame), -EMSGSIZE);
	assert_int_equal(frame.opcode, CCPROXY_HYPER);
	assert_int_equal(frame.len, CCPROXY_PAYLOAD_MAX + 1);
	assert_int_equal(ccproxy_frame_len(wire), CCPROXY_HEADER_LEN + CCPROXY_PAYLOAD_MAX + 1);
	assert_int_equal(ccproxy_decode(largest, CCPROXY_HEADER_LEN, &frame), 0);
}

static void test_too_large_is_not_encoded(void **state)
{
	auto_strbuf struct strbuf buf = { 0 };

	(void)state;
	assert_int_equal(ccproxy_encode(&buf, CCPROXY_STREAM, CCPROXY_STDIN, false, "",
					CCPROXY_PAYLOAD_MAX + 1),
			 -E2BIG);
	assert_int_equal(buf.len, 0);
}

static void test_error_flag_is_for_responses(void **state)
{
	struct ccproxy_frame frame;

	(void)state;
	assert_int_equal(ccproxy_decode("\0\2\3\0\0\0\x12\1\0\0\0\0", CCPROXY_HEADER_LEN, &frame),
			 CCPROXY_HEADER_LEN);
	assert_false(frame.error);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_longer_header_is_skipped),
		cmocka_unit_test(test_impossible_headers),
		cmocka_unit_test(test_large_payload_can_be_refused_kindly),
		cmocka_unit_test(test_too_large_is_not_encoded),
		cmocka_unit_test(test_error_flag_is_for_responses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
