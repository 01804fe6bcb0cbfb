/*
 * Table-driven JSON over libyajl. A document type is a C struct and a table of rows; one row reads,
 * checks and writes one field. The parser streams: depth, size and count limits hold before memory
 * is taken. Everything decoded lives in the caller's arena.
 */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/arena.h"
#include "base/error.h"
#include "base/strbuf.h"

enum json_kind {
	JSON_STR,      /* const char *; NULL when absent */
	JSON_BOOL,     /* bool */
	JSON_I32,      /* int32_t */
	JSON_U32,      /* uint32_t */
	JSON_I64,      /* int64_t */
	JSON_U64,      /* uint64_t */
	JSON_DOUBLE,   /* double */
	JSON_OPT_BOOL, /* struct opt_bool */
	JSON_OPT_I32,  /* struct opt_i32 */
	JSON_OPT_U32,  /* struct opt_u32 */
	JSON_OPT_I64,  /* struct opt_i64 */
	JSON_OPT_U64,  /* struct opt_u64 */
	JSON_ENUM,     /* int: index into row->names (NULL-terminated); absent leaves 0 */
	JSON_STRS,     /* struct json_strs */
	JSON_NUMS,     /* struct json_nums: array of int64_t */
	JSON_MAP,      /* struct json_map: string -> string, order kept */
	JSON_OBJ,      /* struct embedded at offset; row->type */
	JSON_OBJ_PTR,  /* pointer to struct, NULL when absent or null; row->type */
	JSON_OBJS,     /* struct json_objs: array of structs; row->type */
	JSON_OBJ_MAP,  /* struct json_obj_map: string -> struct; row->type */
	JSON_RAW,      /* const char *: the value's text as compact JSON; written back verbatim */
};

struct opt_bool {
	bool set;
	bool value;
};
struct opt_i32 {
	bool set;
	int32_t value;
};
struct opt_u32 {
	bool set;
	uint32_t value;
};
struct opt_i64 {
	bool set;
	int64_t value;
};
struct opt_u64 {
	bool set;
	uint64_t value;
};

struct json_strs {
	const char **items;
	size_t len;
};
struct json_nums {
	int64_t *items;
	size_t len;
};
struct json_pair {
	const char *key;
	const char *value;
};
struct json_map {
	struct json_pair *items;
	size_t len;
};
/* items is an array of len structs of row->type->size bytes each. */
struct json_objs {
	void *items;
	size_t len;
};
struct json_obj_map {
	const char **keys;
	void *items;
	size_t len;
};

enum json_flags {
	JSON_REQUIRED = 1,   /* reading: must be present and not null */
	JSON_OMIT_EMPTY = 2, /* writing: left out when zero, NULL, empty or unset (JSON_OPT_* and
				pointers are left out when unset anyway) */
	JSON_ALLOW_DUP = 4,  /* reading: the last of several wins instead of an error */
};

struct json_type;

struct json_row {
	const char *name;
	enum json_kind kind;
	size_t offset;
	unsigned flags;
	const struct json_type *type; /* for JSON_OBJ* */
	const char *const *names;     /* for JSON_ENUM */
};

struct json_type {
	const char *name; /* for messages */
	size_t size;
	const struct json_row *rows;
	size_t n_rows;
	bool strict; /* unknown keys are errors instead of being skipped */
};

#define JSON_TYPE(struct_tag, rows_array)                                                     \
	{                                                                                     \
		.name = #struct_tag, .size = sizeof(struct struct_tag), .rows = (rows_array), \
		.n_rows = sizeof(rows_array) / sizeof((rows_array)[0])                        \
	}

/* Zero fields take the defaults: 64 levels, 16 MiB of text, 1 Mi values. */
struct json_limits {
	unsigned max_depth;
	size_t max_bytes;
	size_t max_values;
};

/*
 * Decodes text into *out (type->size bytes, zeroed first). Null counts as absent. Numbers are
 * range-checked; a type mismatch names the line and the path ("line 12: process.args[3]: expected a
 * string, got a number"). Trailing garbage is an error. 0 or a negative errno
 * (-EINVAL malformed or mismatched, -E2BIG over a limit, -ENOMEM).
 */
int json_decode(const struct json_type *type, const char *text, size_t len,
		const struct json_limits *limits, struct arena *arena, void *out, struct error *err)
	must_check;

/* Appends the document to buf; indent 0 writes compactly, else that many spaces a level. No
 * trailing newline. <, >, & are not escaped. */
int json_encode(const struct json_type *type, const void *in, unsigned indent, struct strbuf *buf)
	must_check;

/* Appends text as a JSON string with its quotes (invalid UTF-8 becomes U+FFFD). */
int json_quote(struct strbuf *buf, const char *text);

/*
 * Copies JSON text, giving `edit` the chance to replace scalar members: for every
 * number/string/bool member found at the dotted `path` (objects only, e.g. "process.stdio"), its
 * value text is replaced by `value` (raw JSON); when the member is missing in an existing parent
 * object it is added. Everything else is passed through byte for byte. -ENOENT when the parent
 * object is missing, -EINVAL when the text is no JSON.
 */
int json_splice(const char *text, size_t len, const char *path, const char *value,
		struct strbuf *out, struct error *err) must_check;

#endif
