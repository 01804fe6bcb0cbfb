/* TOML: every kind of value, tables, lines, refusals, stopping. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <errno.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "base/strbuf.h"
#include "base/toml.h"

static int note_value(void *arg, const char *key, const struct toml_value *value, struct error *err)
{
	struct strbuf *out = arg;

	(void)err;
	strbuf_addf(out, "%u %s = ", value->line, key);
	switch (value->kind) {
	case TOML_STR:
		strbuf_addf(out, "'%s'", value->str);
		break;
	case TOML_INT:
		strbuf_addf(out, "%lld", (long long)value->integer);
		break;
	case TOML_BOOL:
		strbuf_adds(out, value->boolean ? "true" : "false");
		break;
	case TOML_FLOAT:
		strbuf_addf(out, "%g", value->real);
		break;
	case TOML_STRS:
		for (size_t i = 0; i < value->n_strs; i++)
			strbuf_addf(out, "<%s>", value->strs[i]);
		assert_null(value->strs[value->n_strs]);
		break;
	case TOML_OTHER:
		strbuf_adds(out, "other");
		break;
	}
	return strbuf_addc(out, '\n');
}

static int note_table(void *arg, const char *key, unsigned line, struct error *err)
{
	(void)err;
	return strbuf_addf(arg, "%u [%s]\n", line, key);
}

static void assert_walk(const char *text, const char *wanted)
{
	auto_strbuf struct strbuf out = { 0 };
	struct error err = { 0 };

	if (toml_visit("t", text, strlen(text), note_value, note_table, &out, &err) != 0)
		fail_msg("%s", err.text);
	assert_string_equal(strbuf_str(&out), wanted);
}

static void assert_refused(const char *text, size_t len, const char *begins)
{
	auto_strbuf struct strbuf out = { 0 };
	struct error err = { 0 };

	assert_int_equal(toml_visit("c.toml", text, len, note_value, note_table, &out, &err),
			 -EINVAL);
	assert_int_equal(err.code, -EINVAL);
	if (strncmp(err.text, begins, strlen(begins)) != 0)
		fail_msg("'%s' does not begin with '%s'", err.text, begins);
}

static void test_values(void **state)
{
	(void)state;
	assert_walk(
		"a = \"x\\ty\"\nb = -5\nc = true\nd = 2.5\ne = [\"p\", \"q\"]\nf = [1]\ng = []\n"
		"h = 2020-01-02\ni = [\"x\", 1]\nj = [\n[]]\n",
		"1 a = 'x\ty'\n2 b = -5\n3 c = true\n4 d = 2.5\n5 e = <p><q>\n6 f = other\n7 g = \n"
		"8 h = other\n9 i = other\n10 j = other\n");
}

static void test_tables(void **state)
{
	(void)state;
	assert_walk("", "");
	assert_walk(
		"[hypervisor.qemu]\npath = \"/q\"\n[empty]\n",
		"3 [empty]\n1 [hypervisor]\n1 [hypervisor.qemu]\n2 hypervisor.qemu.path = '/q'\n");
	assert_walk("a.b = 1\nt = { x = 1 }\n", "1 [a]\n1 a.b = 1\n2 [t]\n2 t.x = 1\n");
	assert_walk("[[list]]\nx = 1\n", "1 list = other\n");
}

static void test_text_that_is_no_ascii(void **state)
{
	(void)state;
	assert_walk(
		"\xef\xbb\xbf# \xc3\xa4 \"\na = \"\xc3\xa4\\\"\xc3\xa4\"\nb = '\xc3\xa4\\' # \xc3\xa4\n",
		"2 a = '\xc3\xa4\"\xc3\xa4'\n3 b = '\xc3\xa4\\'\n");
	assert_walk("a = \"\"\"x\"\"\xc3\xa4\"\"\"\"\"\nb = '''\xc3\xa4''''\nc = \"\" # \xc3\xa4\n",
		    "1 a = 'x\"\"\xc3\xa4\"\"'\n2 b = '\xc3\xa4''\n3 c = ''\n");
	assert_walk("\"\xc3\xa4\" = 1\n", "1 \"\xc3\xa4\" = 1\n");
}

static void test_odd_keys_are_quoted(void **state)
{
	(void)state;
	assert_walk("\"a.b\" = 1\n\"q\\\"\\\\\" = 2\n\"\" = 3\n\"bare\" = 4\n",
		    "3 \"\" = 3\n1 \"a.b\" = 1\n4 bare = 4\n2 \"q\\\"\\\\\" = 2\n");
}

static void test_no_table_visitor(void **state)
{
	auto_strbuf struct strbuf out = { 0 };
	struct error err = { 0 };

	(void)state;
	assert_int_equal(toml_visit("t", "[a]\nb=1", 7, note_value, NULL, &out, &err), 0);
	assert_string_equal(strbuf_str(&out), "2 a.b = 1\n");
}

static void test_malformed(void **state)
{
	static const char nul[] = "a = 1\nb = \"x\\u0000\"\n";
	static const char nul_key[] = "\"x\\u0000\" = 1";
	static const char nul_item[] = "b = [\"\", \"\\u0000\"]";

	(void)state;
	assert_refused("a = 1\nb = \n", 11, "c.toml:2:");
	assert_refused("a = 1\na = 2\n", 12, "c.toml:2:");
	assert_refused("a = \"\xff\"", 7, "c.toml:1:");
	assert_refused(nul, sizeof(nul) - 1, "c.toml:2:5: 'b' contains a NUL character");
	assert_refused(nul_key, sizeof(nul_key) - 1, "c.toml:1:");
	assert_refused(nul_item, sizeof(nul_item) - 1, "c.toml:1:10: 'b' contains a NUL character");
	assert_refused("a = 1\0", 6, "c.toml:1:");
	/* Some versions of toml++ only assert here. */
	assert_refused("[[[[", 4, "c.toml");
	/* Undefined behaviour in toml++ 3.3. */
	assert_refused("a=1\n\xc3\x9b  1", 9, "c.toml:2: only ASCII");
}

static void test_limits(void **state)
{
	enum { LEN = (1 << 20) + 1 };
	auto_free char *text = calloc(1, LEN);

	(void)state;
	assert_non_null(text);
	memset(text, ' ', LEN);
	assert_refused(text, LEN, "c.toml: 1048577 bytes are more than the allowed 1048576");
	for (size_t i = 0; i < 20000; i++)
		text[i] = i % 2 ? '.' : 'a';
	memcpy(text + 19999, "=1", 2);
	assert_refused(text, 20001, "c.toml:1: too many dots");
	memset(text, '[', 100000);
	memcpy(text, "a=", 2);
	assert_refused(text, 100000, "c.toml:1:");
}

static void test_deepest_accepted(void **state)
{
	auto_strbuf struct strbuf text = { 0 };
	auto_strbuf struct strbuf out = { .max = 256 << 20 };
	struct error err = { 0 };

	(void)state;
	strbuf_adds(&text, "# ");
	for (size_t i = 0; i < 10000; i++)
		strbuf_addc(&text, '.');
	strbuf_adds(&text, "\na");
	for (size_t i = 0; i < 4096; i++)
		strbuf_adds(&text, ".a");
	strbuf_adds(&text, " = 1");
	assert_int_equal(toml_visit("t", text.data, text.len, note_value, NULL, &out, &err), 0);
	assert_int_equal(out.len, strlen("2 ") + 1 + 2 * 4096 + strlen(" = 1\n"));
}

static int stop_at_b(void *arg, const char *key, const struct toml_value *value, struct error *err)
{
	int *count = arg;

	(void)value;
	++*count;
	return strcmp(key, "b") == 0 ? err_msg(err, -EPERM, "no b") : 0;
}

static void test_visitor_stops(void **state)
{
	struct error err = { 0 };
	int count = 0;

	(void)state;
	assert_int_equal(toml_visit("t", "a=1\nb=1\nc=1", 11, stop_at_b, NULL, &count, &err),
			 -EPERM);
	assert_int_equal(count, 2);
	assert_string_equal(err.text, "no b");
}

static int stop_at_table(void *arg, const char *key, unsigned line, struct error *err)
{
	(void)arg;
	(void)key;
	(void)line;
	(void)err;
	return 42;
}

static void test_table_visitor_stops(void **state)
{
	struct error err = { 0 };
	int count = 0;

	(void)state;
	assert_int_equal(
		toml_visit("t", "a=1\n[t]\nb=1", 11, stop_at_b, stop_at_table, &count, &err), 42);
	assert_int_equal(count, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_tables),
		cmocka_unit_test(test_text_that_is_no_ascii),
		cmocka_unit_test(test_odd_keys_are_quoted),
		cmocka_unit_test(test_no_table_visitor),
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_deepest_accepted),
		cmocka_unit_test(test_visitor_stops),
		cmocka_unit_test(test_table_visitor_stops),
	};

	return cmocka_run_group_tests_name("toml", tests, NULL, NULL);
}
