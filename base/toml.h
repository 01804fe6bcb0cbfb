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

/* Called for every leaf, keys dotted ("hypervisor.qemu.path"). Everything passed lives only during
 * the call. Non-zero stops with that value. */
typedef int toml_visit_fn(void *arg, const char *key, const struct toml_value *value,
			  struct error *err);
/* Called for every table header ("hypervisor.qemu"), so that empty tables are seen. May be NULL. */
typedef int toml_table_fn(void *arg, const char *key, unsigned line, struct error *err);

/* Parses text; `name` is for messages: "name:line:column: what". 0, the visitor's value, or
 * -EINVAL. Array elements must be strings, else TOML_OTHER. */
int toml_visit(const char *name, const char *text, size_t len, toml_visit_fn *visit,
	       toml_table_fn *table, void *arg, struct error *err) must_check;

#ifdef __cplusplus
}
#endif

#endif
