#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "runtime/factory/grpc_wire.h"

static void codes(void **state)
{
	(void)state;
	assert_string_equal(grpc_code_name(GRPC_UNIMPLEMENTED), "UNIMPLEMENTED");
	assert_string_equal(grpc_code_name(17), "UNKNOWN");
	assert_string_equal(grpc_code_name(-1), "UNKNOWN");
	assert_int_equal(grpc_code_errno(GRPC_OK), 0);
	assert_int_equal(grpc_code_errno(GRPC_NOT_FOUND), -ENOENT);
	assert_int_equal(grpc_code_errno(99), -EIO);
	assert_int_equal(grpc_code_of_errno(-ENOENT), GRPC_NOT_FOUND);
	assert_int_equal(grpc_code_of_errno(-EXDEV), GRPC_UNKNOWN);
	assert_int_equal(grpc_code_of_errno(0), GRPC_OK);
}

static void codes_as_text(void **state)
{
	(void)state;
	assert_int_equal(grpc_code_parse("0", 1), GRPC_OK);
	assert_int_equal(grpc_code_parse("16", 2), GRPC_UNAUTHENTICATED);
	assert_int_equal(grpc_code_parse("17", 2), GRPC_UNKNOWN);
	assert_int_equal(grpc_code_parse("", 0), GRPC_UNKNOWN);
	assert_int_equal(grpc_code_parse("-1", 2), GRPC_UNKNOWN);
	assert_int_equal(grpc_code_parse("014", 3), GRPC_UNKNOWN);
}

static void encodes_to(const char *text, const char *expected)
{
	auto_strbuf struct strbuf buf = { 0 };

	grpc_text_encode(text, &buf);
	assert_string_equal(strbuf_str(&buf), expected);
}

static void decodes_to(const char *text, const char *expected)
{
	auto_strbuf struct strbuf buf = { 0 };

	grpc_text_decode(text, strlen(text), &buf);
	assert_string_equal(strbuf_str(&buf), expected);
}

static void texts(void **state)
{
	(void)state;
	encodes_to("", "");
	encodes_to("plain ~ text", "plain ~ text");
	encodes_to("100%\n", "100%25%0A");
	encodes_to("\xc3\xbc", "%C3%BC");
	decodes_to("%C3%bc 100%25", "\xc3\xbc 100%");
	decodes_to("%", "%");
	decodes_to("%4", "%4");
	decodes_to("%4g%zz", "%4g%zz");
	decodes_to("a%0Ab%00c%7f", "a b c ");
}

static void long_texts_are_cut_between_characters(void **state)
{
	auto_strbuf struct strbuf encoded = { 0 };
	auto_strbuf struct strbuf decoded = { 0 };
	char text[GRPC_TEXT_MAX + 8];

	(void)state;
	memset(text, 'a', sizeof(text));
	memcpy(text + GRPC_TEXT_MAX - 1, "\xc3\xbc", 3);
	grpc_text_encode(text, &encoded);
	assert_int_equal(encoded.len, GRPC_TEXT_MAX - 1);
	memset(text, '%', sizeof(text));
	grpc_text_decode(text, sizeof(text), &decoded);
	assert_int_equal(decoded.len, GRPC_TEXT_MAX);
}

static int64_t timeout_of(const char *text)
{
	int64_t timeout_ms = -1;

	return grpc_timeout_parse(text, strlen(text), &timeout_ms) < 0 ? -1 : timeout_ms;
}

static void timeouts(void **state)
{
	(void)state;
	assert_int_equal(timeout_of("1n"), 1);
	assert_int_equal(timeout_of("0n"), 0);
	assert_int_equal(timeout_of("1000001n"), 2);
	assert_int_equal(timeout_of("1500u"), 2);
	assert_int_equal(timeout_of("250m"), 250);
	assert_int_equal(timeout_of("3S"), 3000);
	assert_int_equal(timeout_of("2M"), 120000);
	assert_true(timeout_of("99999999H") == 99999999 * INT64_C(3600000));
	assert_int_equal(timeout_of("999999999S"), -1);
	assert_int_equal(timeout_of("S"), -1);
	assert_int_equal(timeout_of(""), -1);
	assert_int_equal(timeout_of("5"), -1);
	assert_int_equal(timeout_of("5s"), -1);
	assert_int_equal(timeout_of("-5S"), -1);
}

static void formats_to(int64_t timeout_ms, const char *expected)
{
	char text[GRPC_TIMEOUT_TEXT_LEN];

	grpc_timeout_format(timeout_ms, text);
	assert_string_equal(text, expected);
}

static void timeouts_as_text(void **state)
{
	(void)state;
	formats_to(0, "0m");
	formats_to(-7, "0m");
	formats_to(99999999, "99999999m");
	formats_to(100000000, "100000S");
	formats_to(INT64_MAX, "99999999H");
}

static void one_message_byte_by_byte(void **state)
{
	const uint8_t bytes[] = { 0, 0, 0, 0, 3, 'a', 'b', 'c' };
	struct grpc_inbox inbox = { .max = 3 };

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++) {
		assert_false(grpc_inbox_is_whole(&inbox));
		assert_int_equal(grpc_inbox_add(&inbox, &bytes[i], 1), 0);
	}
	assert_true(grpc_inbox_is_whole(&inbox));
	assert_string_equal(strbuf_str(&inbox.message), "abc");
	assert_int_equal(grpc_inbox_add(&inbox, bytes, 1), -EBADMSG);
	grpc_inbox_done(&inbox);
}

static void an_empty_message_is_one(void **state)
{
	const uint8_t bytes[6] = { 0 };
	struct grpc_inbox inbox = { .max = 0 };

	(void)state;
	assert_int_equal(grpc_inbox_add(&inbox, bytes, 5), 0);
	assert_true(grpc_inbox_is_whole(&inbox));
	assert_int_equal(grpc_inbox_add(&inbox, bytes, 1), -EBADMSG);
	grpc_inbox_done(&inbox);
}

static int add_prefix(const uint8_t prefix[static GRPC_PREFIX_LEN])
{
	struct grpc_inbox inbox = { .max = 100 };

	return grpc_inbox_add(&inbox, prefix, GRPC_PREFIX_LEN);
}

static void bad_prefixes(void **state)
{
	(void)state;
	assert_int_equal(add_prefix((uint8_t[]){ 1, 0, 0, 0, 3 }), -EOPNOTSUPP);
	assert_int_equal(add_prefix((uint8_t[]){ 2, 0, 0, 0, 3 }), -EBADMSG);
	assert_int_equal(add_prefix((uint8_t[]){ 0, 0, 0, 0, 101 }), -EMSGSIZE);
	assert_int_equal(add_prefix((uint8_t[]){ 0, 255, 255, 255, 255 }), -EMSGSIZE);
	assert_int_equal(add_prefix((uint8_t[]){ 0, 0, 0, 0, 100 }), 0);
}

static void prefix_and_message(void **state)
{
	auto_strbuf struct strbuf buf = { 0 };
	auto_strbuf struct strbuf small = { .max = 6 };

	(void)state;
	assert_int_equal(grpc_message_encode("xy", 2, &buf), 0);
	assert_int_equal(buf.len, 7);
	assert_memory_equal(buf.data, "\0\0\0\0\2xy", 7);
	assert_int_equal(grpc_message_encode(NULL, 0, &buf), 0);
	assert_int_equal(buf.len, 12);
	assert_int_equal(grpc_message_encode("xy", 2, &small), -E2BIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(codes),
		cmocka_unit_test(codes_as_text),
		cmocka_unit_test(texts),
		cmocka_unit_test(long_texts_are_cut_between_characters),
		cmocka_unit_test(timeouts),
		cmocka_unit_test(timeouts_as_text),
		cmocka_unit_test(one_message_byte_by_byte),
		cmocka_unit_test(an_empty_message_is_one),
		cmocka_unit_test(bad_prefixes),
		cmocka_unit_test(prefix_and_message),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
