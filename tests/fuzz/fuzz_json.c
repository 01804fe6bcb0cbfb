/*
 * JSON from outside: decoding must refuse or yield what encodes to a fixed point, and an edit in
 * place must leave valid JSON.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct node {
	const char *name;
	const struct node *below;
	int mode;
	bool flag;
	int32_t i32;
	uint64_t u64;
	double real;
	struct opt_i64 opt;
	struct json_strs strs;
	struct json_nums nums;
	struct json_map map;
	struct json_objs list;
	struct json_obj_map named;
	const char *raw;
};

static const struct json_type node_type;
static const char *const modes[] = { "off", "on", NULL };

#define ROW(member, json_kind, row_flags, ...)                                                 \
	{                                                                                      \
		.name = #member, .kind = (json_kind), .offset = offsetof(struct node, member), \
		.flags = (row_flags), ##__VA_ARGS__                                            \
	}

static const struct json_row node_rows[] = {
	ROW(name, JSON_STR, 0),
	ROW(below, JSON_OBJ_PTR, 0, .type = &node_type),
	ROW(mode, JSON_ENUM, JSON_OMIT_EMPTY, .names = modes),
	ROW(flag, JSON_BOOL, 0),
	ROW(i32, JSON_I32, JSON_ALLOW_DUP),
	ROW(u64, JSON_U64, JSON_OMIT_EMPTY),
	ROW(real, JSON_DOUBLE, JSON_OMIT_EMPTY),
	ROW(opt, JSON_OPT_I64, 0),
	ROW(strs, JSON_STRS, JSON_ALLOW_DUP),
	ROW(nums, JSON_NUMS, JSON_OMIT_EMPTY),
	ROW(map, JSON_MAP, JSON_ALLOW_DUP),
	ROW(list, JSON_OBJS, JSON_OMIT_EMPTY, .type = &node_type),
	ROW(named, JSON_OBJ_MAP, JSON_ALLOW_DUP | JSON_OMIT_EMPTY, .type = &node_type),
	ROW(raw, JSON_RAW, 0),
};

static const struct json_type node_type = JSON_TYPE(node, node_rows);

/* Returns false when the text is refused. */
static bool recode(const char *text, size_t len, unsigned indent, struct strbuf *out)
{
	const struct json_limits limits = { .max_depth = 32, .max_values = 10000 };
	auto_arena struct arena arena = { .max_bytes = 16 << 20 };
	struct error err = { 0 };
	struct node node;

	if (json_decode(&node_type, text, len, &limits, &arena, &node, &err) < 0) {
		if (err.code >= 0 || err.text[0] == '\0')
			abort();
		return false;
	}
	if (json_encode(&node_type, &node, indent, out) < 0)
		abort();
	return true;
}

static void check_recode(const char *text, size_t len)
{
	auto_strbuf struct strbuf first = { 0 };
	auto_strbuf struct strbuf pretty = { 0 };
	auto_strbuf struct strbuf again = { 0 };

	if (!recode(text, len, 0, &first))
		return;
	if (!recode(first.data, first.len, 3, &pretty))
		abort();
	if (!recode(pretty.data, pretty.len, 0, &again))
		abort();
	if (strcmp(first.data, again.data) != 0)
		abort();
}

static void check_splice(const char *text, size_t len)
{
	auto_strbuf struct strbuf first = { 0 };
	auto_strbuf struct strbuf again = { 0 };
	struct error err = { 0 };

	if (json_splice(text, len, "below.i32", "1", &first, &err) < 0)
		return;
	if (json_splice(first.data, first.len, "below.i32", "1", &again, &err) < 0)
		abort();
	if (strcmp(first.data, again.data) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check_recode((const char *)data, size);
	check_splice((const char *)data, size);
	return 0;
}
