/* JSON: rows read and written, every refusal with its text, limits, edits in place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <errno.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "base/json.h"

struct leaf {
	const char *name;
	uint32_t count;
	const struct leaf *below;
};

struct doc {
	const char *text;
	bool flag;
	int32_t i32;
	uint32_t u32;
	int64_t i64;
	uint64_t u64;
	double real;
	struct opt_bool opt_flag;
	struct opt_i32 opt_i32;
	struct opt_u32 opt_u32;
	struct opt_i64 opt_i64;
	struct opt_u64 opt_u64;
	int color;
	struct json_strs args;
	struct json_nums nums;
	struct json_map labels;
	struct leaf leaf;
	struct leaf *leaf_ptr;
	struct json_objs leaves;
	struct json_obj_map named;
	const char *raw;
	int32_t last;
};

static const struct json_type leaf_type;

static const struct json_row leaf_rows[] = {
	{ .name = "name",
	  .kind = JSON_STR,
	  .offset = offsetof(struct leaf, name),
	  .flags = JSON_REQUIRED },
	{ .name = "count",
	  .kind = JSON_U32,
	  .offset = offsetof(struct leaf, count),
	  .flags = JSON_OMIT_EMPTY },
	{ .name = "below",
	  .kind = JSON_OBJ_PTR,
	  .offset = offsetof(struct leaf, below),
	  .type = &leaf_type },
};

static const struct json_type leaf_type = JSON_TYPE(leaf, leaf_rows);

static const char *const colors[] = { "none", "red", "green", NULL };

#define ROW(member, json_kind, ...)                                                           \
	{                                                                                     \
		.name = #member, .kind = (json_kind), .offset = offsetof(struct doc, member), \
		.flags = JSON_OMIT_EMPTY, ##__VA_ARGS__                                       \
	}

static const struct json_row doc_rows[] = {
	ROW(text, JSON_STR),
	ROW(flag, JSON_BOOL),
	ROW(i32, JSON_I32),
	ROW(u32, JSON_U32),
	ROW(i64, JSON_I64),
	ROW(u64, JSON_U64),
	ROW(real, JSON_DOUBLE),
	ROW(opt_flag, JSON_OPT_BOOL),
	ROW(opt_i32, JSON_OPT_I32),
	ROW(opt_u32, JSON_OPT_U32),
	ROW(opt_i64, JSON_OPT_I64),
	ROW(opt_u64, JSON_OPT_U64),
	ROW(color, JSON_ENUM, .names = colors),
	ROW(args, JSON_STRS),
	ROW(nums, JSON_NUMS),
	ROW(labels, JSON_MAP),
	ROW(leaf, JSON_OBJ, .type = &leaf_type),
	ROW(leaf_ptr, JSON_OBJ_PTR, .type = &leaf_type),
	ROW(leaves, JSON_OBJS, .type = &leaf_type),
	ROW(named, JSON_OBJ_MAP, .type = &leaf_type),
	ROW(raw, JSON_RAW),
	{ .name = "last",
	  .kind = JSON_I32,
	  .offset = offsetof(struct doc, last),
	  .flags = JSON_OMIT_EMPTY | JSON_ALLOW_DUP },
};

static const struct json_type doc_type = JSON_TYPE(doc, doc_rows);

static int decode(const char *text, struct arena *arena, struct doc *doc, struct error *err)
{
	return json_decode(&doc_type, text, strlen(text), NULL, arena, doc, err);
}

/* Decodes, encodes compactly and compares. */
static void assert_becomes(const char *text, unsigned indent, const char *wanted)
{
	auto_arena struct arena arena = { 0 };
	auto_strbuf struct strbuf buf = { 0 };
	struct error err = { 0 };
	struct doc doc;

	if (decode(text, &arena, &doc, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(json_encode(&doc_type, &doc, indent, &buf), 0);
	assert_string_equal(strbuf_str(&buf), wanted);
}

static void assert_refused(const char *text, int code, const char *message)
{
	auto_arena struct arena arena = { 0 };
	struct error err = { 0 };
	struct doc doc;

	assert_int_equal(decode(text, &arena, &doc, &err), code);
	assert_string_equal(err.text, message);
	assert_int_equal(err.code, code);
}

static const char full[] =
	"{\"text\":\"a\\\"b\\\\c\\n\\u0001\xc3\xa4\",\"flag\":true,\"i32\":-2147483648,\"u32\":4294967295,"
	"\"i64\":-9223372036854775808,\"u64\":18446744073709551615,\"real\":0.1,"
	"\"opt_flag\":false,\"opt_i32\":0,\"opt_u32\":0,\"opt_i64\":0,\"opt_u64\":0,\"color\":\"green\","
	"\"args\":[\"sh\",\"-c\",\"\"],\"nums\":[1,-2],\"labels\":{\"k\":\"v\",\"a\":\"\"},"
	"\"leaf\":{\"name\":\"x\",\"below\":{\"name\":\"y\"}},\"leaf_ptr\":{\"name\":\"p\",\"count\":3},"
	"\"leaves\":[{\"name\":\"1\"},{\"name\":\"2\"}],\"named\":{\"b\":{\"name\":\"B\"},\"a\":{\"name\":\"A\"}},"
	"\"raw\":{\"any\":[1,2.50,null,\"\\u00e4 \\\" \"]},\"last\":7}";

static void test_round_trip(void **state)
{
	(void)state;
	assert_becomes(full, 0, full);
	assert_becomes("{}", 0, "{}");
	assert_becomes(" {\n} \t\r\n", 2, "{}");
}

static void test_values(void **state)
{
	auto_arena struct arena arena = { 0 };
	struct error err = { 0 };
	struct doc doc;
	struct leaf *leaves;

	(void)state;
	assert_int_equal(decode(full, &arena, &doc, &err), 0);
	assert_string_equal(doc.text, "a\"b\\c\n\001\xc3\xa4");
	assert_true(doc.flag);
	assert_true(doc.i32 == INT32_MIN && doc.u32 == UINT32_MAX);
	assert_true(doc.i64 == INT64_MIN && doc.u64 == UINT64_MAX);
	assert_true(doc.real == 0.1);
	assert_true(doc.opt_flag.set && !doc.opt_flag.value);
	assert_true(doc.opt_u64.set && doc.opt_u64.value == 0);
	assert_int_equal(doc.color, 2);
	assert_int_equal(doc.args.len, 3);
	assert_string_equal(doc.args.items[1], "-c");
	assert_int_equal(doc.nums.items[1], -2);
	assert_string_equal(doc.labels.items[0].key, "k");
	assert_string_equal(doc.leaf.below->name, "y");
	assert_int_equal(doc.leaf_ptr->count, 3);
	leaves = doc.leaves.items;
	assert_int_equal(doc.leaves.len, 2);
	assert_string_equal(leaves[1].name, "2");
	assert_string_equal(doc.named.keys[0], "b");
	assert_string_equal(((struct leaf *)doc.named.items)[0].name, "B");
}

static void test_indent(void **state)
{
	(void)state;
	assert_becomes(
		"{\"args\":[\"a\",\"b\"],\"leaf\":{\"name\":\"\",\"count\":1},\"raw\":[ ]}", 2,
		"{\n  \"args\": [\n    \"a\",\n    \"b\"\n  ],\n"
		"  \"leaf\": {\n    \"name\": \"\",\n    \"count\": 1\n  },\n  \"raw\": []\n}");
}

static void test_raw_is_compact(void **state)
{
	(void)state;
	assert_becomes(
		"{ \"raw\" : { \"a b\" : [ 1.50 , 1e5 ,\t\"x \\\" y\\\\\" ] ,\n\"c\":{ } } }", 0,
		"{\"raw\":{\"a b\":[1.50,1e5,\"x \\\" y\\\\\"],\"c\":{}}}");
	assert_becomes("{\"raw\" : \"s t\" , \"last\":1}", 0, "{\"raw\":\"s t\",\"last\":1}");
	assert_becomes("{\"raw\":12345678901234567890123}", 0, "{\"raw\":12345678901234567890123}");
	assert_becomes("{\"raw\": false}", 0, "{\"raw\":false}");
	assert_becomes("{\"raw\": null}", 0, "{}");
}

static void test_null_is_absent(void **state)
{
	(void)state;
	assert_becomes(
		"{\"text\":null,\"args\":null,\"leaf\":null,\"leaf_ptr\":null,\"opt_i32\":null,"
		"\"named\":{\"a\":null},\"labels\":{\"b\":null}}",
		0, "{}");
	assert_refused("{\"leaf\":{\"name\":null}}", -EINVAL,
		       "line 1: leaf.name: is required and must not be null");
}

static void test_unknown_keys(void **state)
{
	static const struct json_type strict = {
		.name = "leaf",
		.size = sizeof(struct leaf),
		.rows = leaf_rows,
		.n_rows = 3,
		.strict = true,
	};
	static const char text[] = "{\"name\":\"x\",\n\"nome\":1}";
	auto_arena struct arena arena = { 0 };
	struct error err = { 0 };
	struct leaf leaf;

	(void)state;
	assert_becomes(
		"{\"what\":{\"last\":1,\"a\":[[{}],[]]},\"no\":[1,[2]],\"n\":null,\"last\":2}", 0,
		"{\"last\":2}");
	assert_int_equal(json_decode(&strict, text, strlen(text), NULL, &arena, &leaf, &err),
			 -EINVAL);
	assert_string_equal(err.text, "line 2: unknown member 'nome'");
}

static void test_mismatches(void **state)
{
	(void)state;
	assert_refused("{\n\"args\": [\"a\",\n\"b\", 3]}", -EINVAL,
		       "line 3: args[2]: expected a string, got a number");
	assert_refused("{\"leaves\":[{\"name\":\"a\"},{\"name\":\"b\",\"below\":{\"name\":[]}}]}",
		       -EINVAL, "line 1: leaves[1].below.name: expected a string, got an array");
	assert_refused("{\"named\":{\"key\":{\"name\":true}}}", -EINVAL,
		       "line 1: named.key.name: expected a string, got a boolean");
	assert_refused("{\"args\":\"x\"}", -EINVAL,
		       "line 1: args: expected an array, got a string");
	assert_refused("{\"args\":[null]}", -EINVAL,
		       "line 1: args[0]: expected a string, got null");
	assert_refused("{\"leaves\":[[]]}", -EINVAL,
		       "line 1: leaves[0]: expected an object, got an array");
	assert_refused("{\"labels\":{\"a\":{}}}", -EINVAL,
		       "line 1: labels.a: expected a string, got an object");
	assert_refused("{\"flag\":1}", -EINVAL, "line 1: flag: expected a boolean, got a number");
	assert_refused("[]", -EINVAL, "line 1: expected an object, got an array");
	assert_refused("\n12", -EINVAL, "line 2: expected an object, got a number");
	assert_refused("null", -EINVAL, "line 1: expected an object, got null");
	assert_refused("{\"color\":\"blue\"}", -EINVAL,
		       "line 1: color: unknown value 'blue' (known are: none, red, green)");
	assert_refused("{\"leaf\":{\n\"count\":1\n}}", -EINVAL,
		       "line 3: leaf.name: is required but missing");
}

static void test_numbers(void **state)
{
	(void)state;
	assert_refused(
		"{\"i32\":2147483648}", -EINVAL,
		"line 1: i32: number 2147483648 is out of range (-2147483648 to 2147483647)");
	assert_refused("{\"u32\":-1}", -EINVAL,
		       "line 1: u32: number -1 is out of range (0 to 4294967295)");
	assert_refused("{\"opt_u64\":18446744073709551616}", -EINVAL,
		       "line 1: opt_u64: number 18446744073709551616 is out of range (0 to "
		       "18446744073709551615)");
	assert_refused("{\"i64\":-9223372036854775809}", -EINVAL,
		       "line 1: i64: number -9223372036854775809 is out of range "
		       "(-9223372036854775808 to 9223372036854775807)");
	assert_refused("{\"i32\":1.0}", -EINVAL,
		       "line 1: i32: expected an integer without fraction and exponent, got 1.0");
	assert_refused(
		"{\"nums\":[1,1e3]}", -EINVAL,
		"line 1: nums[1]: expected an integer without fraction and exponent, got 1e3");
	assert_refused("{\"real\":1e999}", -EINVAL, "line 1: real: number 1e999 is out of range");
	assert_refused(
		"{\"i64\":1111111111222222222233333333334444444444}", -EINVAL,
		"line 1: i64: number 1111111111222222222233333333334444444444... is out of range");
	assert_becomes("{\"u32\":-0,\"opt_u32\":-0,\"real\":-2.5e-3}", 0,
		       "{\"real\":-0.0025,\"opt_u32\":0}");
}

static void test_duplicates(void **state)
{
	(void)state;
	assert_refused("{\"flag\":true,\n\"flag\":true}", -EINVAL, "line 2: flag: appears twice");
	assert_refused("{\"text\":null,\"text\":\"\"}", -EINVAL, "line 1: text: appears twice");
	assert_refused("{\"labels\":{\"b\":\"1\",\"a\":\"1\",\"b\":\"2\"}}", -EINVAL,
		       "line 1: labels.b: appears twice");
	assert_becomes("{\"last\":1,\"last\":2}", 0, "{\"last\":2}");
	assert_becomes("{\"last\":1,\"last\":null}", 0, "{}");
}

struct maps {
	struct json_map map;
	struct json_obj_map objects;
};

static void test_allowed_duplicates_in_maps(void **state)
{
	static const struct json_row rows[] = {
		{ .name = "map",
		  .kind = JSON_MAP,
		  .offset = offsetof(struct maps, map),
		  .flags = JSON_ALLOW_DUP },
		{ .name = "objects",
		  .kind = JSON_OBJ_MAP,
		  .offset = offsetof(struct maps, objects),
		  .flags = JSON_ALLOW_DUP,
		  .type = &leaf_type },
	};
	static const struct json_type type = JSON_TYPE(maps, rows);
	static const char text[] =
		"{\"map\":{\"a\":\"1\",\"b\":\"2\",\"a\":\"3\",\"a\":\"4\"},"
		"\"objects\":{\"x\":{\"name\":\"1\"},\"y\":{\"name\":\"2\"},\"x\":{\"name\":\"3\"}}}";
	auto_arena struct arena arena = { 0 };
	auto_strbuf struct strbuf buf = { 0 };
	struct error err = { 0 };
	struct maps maps;

	(void)state;
	assert_int_equal(json_decode(&type, text, strlen(text), NULL, &arena, &maps, &err), 0);
	assert_int_equal(json_encode(&type, &maps, 0, &buf), 0);
	assert_string_equal(strbuf_str(&buf),
			    "{\"map\":{\"b\":\"2\",\"a\":\"4\"},"
			    "\"objects\":{\"y\":{\"name\":\"2\"},\"x\":{\"name\":\"3\"}}}");
}

static void test_malformed(void **state)
{
	(void)state;
	assert_refused("", -EINVAL, "line 1: no valid JSON: parse error: premature EOF");
	assert_refused("{\n\"a\":1,\n", -EINVAL,
		       "line 3: no valid JSON: parse error: premature EOF");
	assert_refused("{} x", -EINVAL, "line 1: no valid JSON: parse error: trailing garbage");
	assert_refused("{\"a\":\n?}", -EINVAL,
		       "line 2: no valid JSON: lexical error: invalid char in json text");
	assert_refused("{}\n{}", -EINVAL, "line 2: no valid JSON: parse error: trailing garbage");
	assert_refused("{1:2}", -EINVAL,
		       "line 1: no valid JSON: parse error: invalid object key (must be a string)");
	assert_refused("{\"text\":\"\xff\"}", -EINVAL,
		       "line 1: no valid JSON: lexical error: invalid bytes in UTF8 string");
}

static void test_bad_strings(void **state)
{
	(void)state;
	assert_refused("{\"text\":\"a\\u0000b\"}", -EINVAL,
		       "line 1: text: a string with a NUL character (\\u0000)");
	assert_refused("{\"labels\":{\"a\\u0000b\":\"\"}}", -EINVAL,
		       "line 1: labels: a key with a NUL character (\\u0000)");
	assert_refused("{\"raw\":[\"\\u0000\"]}", -EINVAL,
		       "line 1: raw: a string with a NUL character (\\u0000)");
	/* yajl takes the overlong form of '/'. */
	assert_refused("{\"text\":\"\xc0\xaf\"}", -EINVAL,
		       "line 1: text: a string with invalid UTF-8");
	assert_refused("{\"text\":\"\xed\xa0\x80\"}", -EINVAL,
		       "line 1: text: a string with invalid UTF-8");
}

static void test_depth_limit(void **state)
{
	enum { LEN = 8 << 20 };
	const struct json_limits limits = { .max_bytes = LEN };
	auto_arena struct arena arena = { 0 };
	auto_free char *text = malloc(LEN);
	struct error err = { 0 };
	struct doc doc;

	(void)state;
	assert_non_null(text);
	memset(text, '[', LEN);
	memcpy(text, "{\"x\":", 5);
	assert_int_equal(json_decode(&doc_type, text, LEN, &limits, &arena, &doc, &err), -E2BIG);
	assert_string_equal(err.text, "line 1: JSON text has more than 64 levels of nesting");
	assert_int_equal(json_decode(&doc_type, "{\"raw\":[[[]]]}", 14,
				     &(struct json_limits){ .max_depth = 4 }, &arena, &doc, &err),
			 0);
	assert_int_equal(json_decode(&doc_type, "{\"raw\":[[[]]]}", 14,
				     &(struct json_limits){ .max_depth = 3 }, &arena, &doc, &err),
			 -E2BIG);
}

static void test_other_limits(void **state)
{
	auto_arena struct arena arena = { .max_bytes = 180 };
	struct error err = { 0 };
	struct doc doc;

	(void)state;
	assert_int_equal(json_decode(&doc_type, "{\"nums\":[1,2]}", 14,
				     &(struct json_limits){ .max_values = 3 }, &arena, &doc, &err),
			 -E2BIG);
	assert_string_equal(err.text, "line 1: JSON text has more than 3 values");
	assert_int_equal(json_decode(&doc_type, "{}   ", 5, &(struct json_limits){ .max_bytes = 4 },
				     &arena, &doc, &err),
			 -E2BIG);
	assert_string_equal(err.text, "JSON text of 5 bytes is longer than the allowed 4");
	assert_int_equal(
		decode("{\"args\":[\"0123456789\",\"0123456789\",\"01234567890123456789\"]}",
		       &arena, &doc, &err),
		-E2BIG);
	assert_string_equal(err.text,
			    "line 1: args[2]: the document needs more than the allowed 180 "
			    "bytes of memory");
}

static void test_many_keys_are_no_square(void **state)
{
	auto_arena struct arena arena = { 0 };
	auto_strbuf struct strbuf buf = { 0 };
	struct error err = { 0 };
	struct doc doc;

	(void)state;
	strbuf_adds(&buf, "{\"labels\":{");
	for (int i = 0; i < 200000; i++)
		strbuf_addf(&buf, "%s\"key%d\":\"\"", i ? "," : "", i);
	strbuf_adds(&buf, "}}");
	assert_int_equal(json_decode(&doc_type, buf.data, buf.len, NULL, &arena, &doc, &err), 0);
	assert_int_equal(doc.labels.len, 200000);
	assert_string_equal(doc.labels.items[199999].key, "key199999");
}

static void test_quote(void **state)
{
	auto_strbuf struct strbuf buf = { 0 };

	(void)state;
	assert_int_equal(json_quote(&buf, "<a&b>\xff\x7f\b\f\n\r\t\x1b/\xe2\x82\xac\xe2\x82"), 0);
	assert_string_equal(strbuf_str(&buf),
			    "\"<a&b>\xef\xbf\xbd\x7f\\b\\f\\n\\r\\t\\u001b/\xe2\x82\xac"
			    "\xef\xbf\xbd\xef\xbf\xbd\"");
}

static void test_encode_refuses(void **state)
{
	auto_strbuf struct strbuf buf = { 0 };
	auto_strbuf struct strbuf small = { .max = 8 };
	struct doc doc = { .color = 3 };

	(void)state;
	assert_int_equal(json_encode(&doc_type, &doc, 0, &buf), -EINVAL);
	doc.color = -1;
	assert_int_equal(json_encode(&doc_type, &doc, 0, &buf), -EINVAL);
	doc.color = 1;
	assert_int_equal(json_encode(&doc_type, &doc, 0, &small), -E2BIG);
	doc = (struct doc){ .real = __builtin_inf() };
	assert_int_equal(json_encode(&doc_type, &doc, 0, &buf), -EINVAL);
}

static void assert_spliced(const char *text, const char *path, const char *value,
			   const char *wanted)
{
	auto_strbuf struct strbuf out = { 0 };
	struct error err = { 0 };

	strbuf_adds(&out, ">");
	if (json_splice(text, strlen(text), path, value, &out, &err) < 0)
		fail_msg("%s", err.text);
	assert_string_equal(strbuf_str(&out) + 1, wanted);
}

static void test_splice(void **state)
{
	(void)state;
	assert_spliced(
		" { \"process\" : { \"stdio\" : 1 , \"x\":[ {\"stdio\":2} ] } , \"stdio\":3 }\n",
		"process.stdio", "17",
		" { \"process\" : { \"stdio\" : 17 , \"x\":[ {\"stdio\":2} ] } , \"stdio\":3 }\n");
	assert_spliced("{\"a\":{\"b\":{\"c\":\"x\\u00e4\"}},\"c\":1.50}", "a.b.c", "\"y\"",
		       "{\"a\":{\"b\":{\"c\":\"y\"}},\"c\":1.50}");
	assert_spliced("{\"a\":null}", "a", "true", "{\"a\":true}");
	assert_spliced("{\"a\":{ }}", "a.b", "1", "{\"a\":{\"b\":1 }}");
	assert_spliced("{\"a\":{\"x\":[]\n}}", "a.b", "1", "{\"a\":{\"x\":[],\"b\":1\n}}");
	assert_spliced("{}", "b", "{\"c\":[1]}", "{\"b\":{\"c\":[1]}}");
	assert_spliced("{\"a\":1,\"a\":2}", "a", "3", "{\"a\":3,\"a\":3}");
	assert_spliced("{\"a\":{\"b\":1},\"a\":{}}", "a.b", "3",
		       "{\"a\":{\"b\":3},\"a\":{\"b\":3}}");
	assert_spliced("{\"a\":[{\"a\":{\"b\":1}}],\"a\":{\"a\":{\"b\":1}}}", "a.b", "3",
		       "{\"a\":[{\"a\":{\"b\":1}}],\"a\":{\"a\":{\"b\":1},\"b\":3}}");
}

static void assert_not_spliced(const char *text, const char *path, const char *value, int code,
			       const char *message)
{
	auto_strbuf struct strbuf out = { 0 };
	struct error err = { 0 };

	strbuf_adds(&out, "kept");
	assert_int_equal(json_splice(text, strlen(text), path, value, &out, &err), code);
	assert_string_equal(err.text, message);
	assert_string_equal(strbuf_str(&out), "kept");
}

static void test_splice_refuses(void **state)
{
	(void)state;
	assert_not_spliced("{\"b\":1}", "a.b", "1", -ENOENT,
			   "the JSON text has no object to hold 'a.b'");
	assert_not_spliced("{\"a\":[]}", "a.b", "1", -ENOENT,
			   "the JSON text has no object to hold 'a.b'");
	assert_not_spliced("[]", "a", "1", -ENOENT, "the JSON text has no object to hold 'a'");
	assert_not_spliced("{\"a\":1", "a", "1", -EINVAL,
			   "line 1: no valid JSON: parse error: premature EOF");
	assert_not_spliced(
		"{\"a\":1}", "a", "1,", -EINVAL,
		"new value of 'a': line 1: no valid JSON: parse error: trailing garbage");
	assert_not_spliced("{\n\"a\":{}}", "a", "1", -EINVAL,
			   "line 2: a: is no string, number or boolean");
}

static void test_splice_big(void **state)
{
	enum { LEN = 16 << 20 };
	auto_free char *text = malloc(LEN);
	auto_strbuf struct strbuf out = { 0 };
	struct error err = { 0 };

	(void)state;
	assert_non_null(text);
	memset(text, 'x', LEN);
	memcpy(text, "{\"a\":\"", 6);
	memcpy(text + LEN - 8, "\",\"b\":1}", 8);
	assert_int_equal(json_splice(text, LEN, "b", "22", &out, &err), 0);
	assert_int_equal(out.len, LEN + 1);
	assert_memory_equal(out.data, text, LEN - 2);
	assert_string_equal(out.data + LEN - 2, "22}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_indent),
		cmocka_unit_test(test_raw_is_compact),
		cmocka_unit_test(test_null_is_absent),
		cmocka_unit_test(test_unknown_keys),
		cmocka_unit_test(test_mismatches),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_duplicates),
		cmocka_unit_test(test_allowed_duplicates_in_maps),
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_bad_strings),
		cmocka_unit_test(test_depth_limit),
		cmocka_unit_test(test_other_limits),
		cmocka_unit_test(test_many_keys_are_no_square),
		cmocka_unit_test(test_quote),
		cmocka_unit_test(test_encode_refuses),
		cmocka_unit_test(test_splice),
		cmocka_unit_test(test_splice_refuses),
		cmocka_unit_test(test_splice_big),
	};

	return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
