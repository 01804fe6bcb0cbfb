#include "agent/proto/reset.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

static const unsigned char key[RESET_KEY_LEN] = "the sandbox' key";
static const unsigned char nonce[RESET_NONCE_LEN] = "number of a host";
static const unsigned char other[RESET_NONCE_LEN] = "another's number";

static void test_keys_have_a_text_form(void **state)
{
	unsigned char back[RESET_KEY_LEN];
	char text[RESET_HEX_LEN + 1];

	(void)state;
	reset_format_key(key, text);
	assert_string_equal(text, "7468652073616e64626f7827206b6579");
	assert_int_equal(reset_parse_key(text, back), 0);
	assert_memory_equal(back, key, RESET_KEY_LEN);
	text[31] = 'g';
	assert_int_equal(reset_parse_key(text, back), -EINVAL);
	assert_int_equal(reset_parse_key("7468", back), -EINVAL);
}

static void test_the_last_reset_counts(void **state)
{
	auto_strbuf struct strbuf buf = { 0 };
	unsigned char found[RESET_NONCE_LEN];
	size_t first;

	(void)state;
	strbuf_adds(&buf, "half a frame");
	assert_int_equal(reset_find(buf.data, buf.len, key, found), 0);
	assert_int_equal(reset_encode(&buf, key, other), 0);
	first = buf.len;
	assert_int_equal(reset_find(buf.data, buf.len, key, found), first);
	assert_memory_equal(found, other, RESET_NONCE_LEN);
	strbuf_adds(&buf, "more of it");
	assert_int_equal(reset_encode(&buf, key, nonce), 0);
	assert_int_equal(reset_find(buf.data, buf.len - 1, key, found), first);
	strbuf_adds(&buf, "first frame");
	assert_int_equal(reset_find(buf.data, buf.len, key, found),
			 buf.len - strlen("first frame"));
	assert_memory_equal(found, nonce, RESET_NONCE_LEN);
	/* Who does not know the key resets nothing. */
	assert_int_equal(reset_find(buf.data, buf.len, nonce, found), 0);
}

static void test_only_our_own_answer_counts(void **state)
{
	auto_strbuf struct strbuf buf = { 0 };

	(void)state;
	strbuf_adds(&buf, "rest of output");
	assert_int_equal(reset_encode_ack(&buf, other), 0);
	assert_int_equal(reset_find_ack(buf.data, buf.len, nonce), 0);
	assert_int_equal(reset_encode_ack(&buf, nonce), 0);
	assert_int_equal(reset_find_ack(buf.data, buf.len - 1, nonce), 0);
	assert_int_equal(reset_find_ack(buf.data, buf.len, nonce), buf.len);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keys_have_a_text_form),
		cmocka_unit_test(test_the_last_reset_counts),
		cmocka_unit_test(test_only_our_own_answer_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
