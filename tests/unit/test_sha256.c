#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/sha256.h"

static void assert_digest(const char *text, const char *want)
{
	char got[SHA256_TEXT_LEN];
	struct sha256 sha;

	sha256_init(&sha);
	sha256_add(&sha, text, strlen(text));
	sha256_end_text(&sha, got);
	assert_string_equal(got, want);
}

/* The vectors of the standard, and the lengths at which the padding takes another block. */
static void known_texts_have_known_digests(void **state)
{
	(void)state;
	assert_digest("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	assert_digest("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	assert_digest("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
		      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
	assert_digest("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		      "9f4390f8d30c2dd92ec9f095b65e2b9ae9b0a925a5258e241c9f1e910f734318");
	assert_digest("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		      "ffe054fe7ae0cb6dc65c3af9b61d5209f439851db43d0ba5997337df154668eb");
}

static void pieces_make_no_difference(void **state)
{
	char whole[SHA256_TEXT_LEN], pieces[SHA256_TEXT_LEN];
	uint8_t data[1000];
	struct sha256 sha;

	(void)state;
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 7);
	sha256_init(&sha);
	sha256_add(&sha, data, sizeof(data));
	sha256_end_text(&sha, whole);
	sha256_init(&sha);
	for (size_t at = 0, n = 1; at < sizeof(data); at += n, n = n * 2 % 97 + 1)
		sha256_add(&sha, data + at, n < sizeof(data) - at ? n : sizeof(data) - at);
	sha256_end_text(&sha, pieces);
	assert_string_equal(whole, pieces);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_texts_have_known_digests),
		cmocka_unit_test(pieces_make_no_difference),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
