#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/base64.h"

/* The vectors of RFC 4648, 10, and bytes that are no text. */
static void texts_are_as_in_the_rfc(void **state)
{
	static const struct {
		const char *data;
		const char *text;
	} rows[] = {
		{ "", "" },
		{ "f", "Zg==" },
		{ "fo", "Zm8=" },
		{ "foo", "Zm9v" },
		{ "foob", "Zm9vYg==" },
		{ "fooba", "Zm9vYmE=" },
		{ "foobar", "Zm9vYmFy" },
		{ "\xff\xfe\xfb", "//77" },
	};
	char out[BASE64_LEN(8)];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		base64_encode(rows[i].data, strlen(rows[i].data), out);
		assert_string_equal(out, rows[i].text);
		assert_int_equal(strlen(out) + 1, BASE64_LEN(strlen(rows[i].data)));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(texts_are_as_in_the_rfc) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
