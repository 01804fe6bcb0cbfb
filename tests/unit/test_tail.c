#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/fs.h"
#include "runtime/sandbox/tail.h"

enum { TAIL_BYTES = 600 };

struct place {
	char path[64];
	int dir;
};

static int setup(void **state)
{
	struct place *place = calloc(1, sizeof(*place));

	assert_non_null(place);
	(void)snprintf(place->path, sizeof(place->path), "/tmp/test-tail-XXXXXX");
	assert_non_null(mkdtemp(place->path));
	place->dir = open(place->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(place->dir >= 0);
	*state = place;
	return 0;
}

static int teardown(void **state)
{
	struct place *place = *state;

	assert_int_equal(fs_remove_tree_at(AT_FDCWD, place->path), 0);
	(void)close(place->dir);
	free(place);
	return 0;
}

static void put(const struct place *place, const void *text, size_t len)
{
	assert_int_equal(fs_replace_at(place->dir, "log", text, len, 0600, false), 0);
}

static void small_texts(void **state)
{
	static const struct {
		const char *text;
		unsigned lines;
		const char *tail;
	} rows[] = {
		{ "", 3, "" },
		{ "\n\n \n", 3, "" },
		{ "one", 3, "one" },
		{ "one\n", 1, "one" },
		{ "one\ntwo\nthree\n", 2, "two; three" },
		{ "one\ntwo\nthree", 2, "two; three" },
		{ "one\n\n\ntwo\n\n", 2, "one; two" },
		{ "one\n \t \ntwo\n", 2, "one; two" },
		{ "one\ntwo\n", 9, "one; two" },
		{ "a\r\nb\r\n", 2, "a; b" },
		{ "a\tb\n", 1, "a b" },
		{ "bell\a esc\033 nul-free \x7f high\xff\n", 1, "bell esc nul-free  high" },
		{ "%s%n\n", 1, "%s%n" },
	};
	struct place *place = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		auto_strbuf struct strbuf buf = { 0 };

		put(place, rows[i].text, strlen(rows[i].text));
		tail_add(&buf, place->dir, "log", rows[i].lines);
		assert_string_equal(strbuf_str(&buf), rows[i].tail);
	}
}

static void zero_bytes_do_not_end_it(void **state)
{
	struct place *place = *state;
	auto_strbuf struct strbuf buf = { 0 };

	put(place, "a\0b\nc\n", 6);
	tail_add(&buf, place->dir, "log", 2);
	assert_string_equal(strbuf_str(&buf), "ab; c");
}

static void it_appends(void **state)
{
	struct place *place = *state;
	auto_strbuf struct strbuf buf = { 0 };

	(void)strbuf_adds(&buf, "said: ");
	put(place, "x\ny\n", 4);
	tail_add(&buf, place->dir, "log", 2);
	assert_string_equal(strbuf_str(&buf), "said: x; y");
}

static void no_file_adds_nothing(void **state)
{
	struct place *place = *state;
	auto_strbuf struct strbuf buf = { 0 };

	tail_add(&buf, place->dir, "log", 2);
	assert_int_equal(symlinkat("/etc/passwd", place->dir, "log"), 0);
	tail_add(&buf, place->dir, "log", 2);
	assert_int_equal(buf.len, 0);
}

static void long_lines_keep_their_end(void **state)
{
	struct place *place = *state;
	auto_strbuf struct strbuf buf = { 0 };
	char text[20000];

	memset(text, 'x', sizeof(text));
	memcpy(text + sizeof(text) - 5, "last\n", 5);
	put(place, text, sizeof(text));
	tail_add(&buf, place->dir, "log", 3);
	assert_true(buf.len <= TAIL_BYTES);
	assert_true(buf.len > TAIL_BYTES - 10);
	assert_string_equal(strbuf_str(&buf) + buf.len - 5, "xlast");
}

static void many_lines_stay_within_the_limit(void **state)
{
	struct place *place = *state;
	auto_strbuf struct strbuf text = { 0 };
	auto_strbuf struct strbuf buf = { 0 };

	for (int i = 0; i < 5000; i++)
		(void)strbuf_addf(&text, "%d\n", i % 10);
	put(place, text.data, text.len);
	tail_add(&buf, place->dir, "log", 5000);
	assert_true(buf.len <= TAIL_BYTES);
	assert_true(buf.len > TAIL_BYTES / 2);
	assert_string_equal(strbuf_str(&buf) + buf.len - 7, "7; 8; 9");
}

#define IN_PLACE(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_PLACE(small_texts),
		IN_PLACE(zero_bytes_do_not_end_it),
		IN_PLACE(it_appends),
		IN_PLACE(no_file_adds_nothing),
		IN_PLACE(long_lines_keep_their_end),
		IN_PLACE(many_lines_stay_within_the_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
