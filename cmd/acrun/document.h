/* One set of facts, written as TOML or as JSON: tables of values, tables in tables, lists of
 * tables. */
#ifndef CMD_ACRUN_DOCUMENT_H
#define CMD_ACRUN_DOCUMENT_H

#include <stdbool.h>
#include <stdint.h>
#include "base/strbuf.h"

enum document_form { DOCUMENT_TOML, DOCUMENT_JSON };

enum { DOCUMENT_DEPTH_MAX = 8 };

/* Zero-initialise but for `form`. Values of a table come before the tables in it, as TOML has it.
 */
struct document {
	enum document_form form;
	struct strbuf text;
	const char *names[DOCUMENT_DEPTH_MAX]; /* of the open tables; not copied */
	bool in_list[DOCUMENT_DEPTH_MAX];
	bool is_filled[DOCUMENT_DEPTH_MAX + 1];
	unsigned depth;
};

void document_open(struct document *doc, const char *table);
void document_close(struct document *doc);
/* A list holds document_open_item() ... document_close() only. */
void document_open_list(struct document *doc, const char *name);
void document_open_item(struct document *doc);
void document_close_list(struct document *doc);

/* NULL is written as "". */
void document_str(struct document *doc, const char *key, const char *value);
void document_bool(struct document *doc, const char *key, bool value);
void document_int(struct document *doc, const char *key, int64_t value);
/* values is ended by NULL; may be NULL itself. */
void document_strs(struct document *doc, const char *key, const char *const *values);

/* Prints the whole to stdout. -errno when something of it could not be had or written. */
int document_print(struct document *doc) must_check;
void document_done(struct document *doc);

#define auto_document __attribute__((cleanup(document_done)))

#endif
