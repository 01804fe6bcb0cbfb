/* TOML files through toml++, seen as a flat walk over dotted keys. The only C++ stands behind this
 * header. */
#ifndef BASE_TOML_H
#define BASE_TOML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/error.h"

#ifdef __cplusplus
extern "C" {
#endif

enum toml_kind { TOML_STR, TOML_INT, TOML_BOOL, TOML_FLOAT, TOML_STRS, TOML_OTHER };

struct toml_value {
	enum toml_kind kind;
	const char *str;
	int64_t integer;
	bool boolean;
	double real;
	const char *const *strs; /* NULL-terminated */
	size_t n_strs;
	unsigned line;
};

/*
 * Called for every leaf, keys dotted ("hypervisor.qemu.path"; a part that is no bare key stands in
 * quotes: a."b.c"), in the order of their names. Everything passed lives only during the call.
 * Non-zero stops with that value.
 */
typedef int toml_visit_fn(void *arg, const char *key, const struct toml_value *value,
			  struct error *err);
/* Called before the leaves of every table ("hypervisor.qemu"), implied and inline ones too, so that
 * empty ones are seen. */
typedef int toml_table_fn(void *arg, const char *key, unsigned line, struct error *err);

/*
 * Parses text of at most 1 MiB; `name` is for messages: "name:line:column: what". 0, the visitor's
 * value, -EINVAL, or -ENOMEM. Array elements must all be strings, else the array is TOML_OTHER, as
 * dates and arrays of tables are. An empty array is TOML_STRS. NUL in keys and strings is refused.
 */
int toml_visit(const char *name, const char *text, size_t len, toml_visit_fn *visit,
	       toml_table_fn *table, void *arg, struct error *err) must_check;

#ifdef __cplusplus
}
#endif

#endif
