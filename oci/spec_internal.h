/* What the files of this folder share. Rows for its tables: the kind of a field follows from the
 * C type of its member. */
#ifndef OCI_SPEC_INTERNAL_H
#define OCI_SPEC_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include "base/json.h"
#include "oci/spec.h"

/* clang-format off */
#define FIELD_KIND(member)                                 \
	_Generic((member),                                 \
		const char *: JSON_STR,                    \
		bool: JSON_BOOL,                           \
		int32_t: JSON_I32, uint32_t: JSON_U32,     \
		int64_t: JSON_I64, uint64_t: JSON_U64,     \
		struct opt_bool: JSON_OPT_BOOL,            \
		struct opt_i32: JSON_OPT_I32,              \
		struct opt_u32: JSON_OPT_U32,              \
		struct opt_i64: JSON_OPT_I64,              \
		struct opt_u64: JSON_OPT_U64,              \
		struct json_strs: JSON_STRS,               \
		struct json_nums: JSON_NUMS,               \
		struct json_map: JSON_MAP)

/* Whatever is neither a list nor a map of structs is a pointer to one. */
#define OBJECT_KIND(member)                                \
	_Generic((member),                                 \
		struct json_objs: JSON_OBJS,               \
		struct json_obj_map: JSON_OBJ_MAP,         \
		default: JSON_OBJ_PTR)
/* clang-format on */

/* A plain value, always written (ALWAYS) or only when it is not empty (FIELD). */
#define FIELD(json, tag, member)  FIELD_ROW(json, tag, member, JSON_OMIT_EMPTY)
#define ALWAYS(json, tag, member) FIELD_ROW(json, tag, member, 0)
#define FIELD_ROW(json, tag, member, flag_bits)                                \
	{                                                                      \
		.name = (json), .kind = FIELD_KIND(((struct tag *)0)->member), \
		.offset = offsetof(struct tag, member), .flags = (flag_bits)   \
	}

/* A list, map or pointer of structs. */
#define OBJECT(json, tag, member, member_type)                                    \
	{                                                                         \
		.name = (json), .kind = OBJECT_KIND(((struct tag *)0)->member),   \
		.offset = offsetof(struct tag, member), .flags = JSON_OMIT_EMPTY, \
		.type = &(member_type)                                            \
	}

/* Absent and "" are the same. */
bool oci_is_empty(const char *text);
/* For messages and comparisons: "" instead of NULL. */
const char *oci_or_empty(const char *text);
/* Whether a list, ended by NULL, has the word. */
bool oci_is_one_of(const char *word, const char *const *words);

/* The part of oci_spec_check() that concerns "linux" alone. */
int oci_linux_check(const struct oci_linux *l, struct error *err) must_check;

#endif
