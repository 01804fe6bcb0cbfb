#include "cmd/acrun/document.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include "base/json.h"

enum { INDENT = 2 };

/* --- JSON --- */

static void json_next(struct document *doc)
{
	unsigned levels = doc->depth + 1;

	(void)strbuf_adds(&doc->text, doc->is_filled[doc->depth] ? ",\n" : "\n");
	doc->is_filled[doc->depth] = true;
	for (unsigned i = 0; i < levels * INDENT; i++)
		(void)strbuf_addc(&doc->text, ' ');
}

static void json_close(struct document *doc, char bracket)
{
	bool filled = doc->is_filled[doc->depth + 1];

	if (filled)
		(void)strbuf_addc(&doc->text, '\n');
	for (unsigned i = 0; filled && i < (doc->depth + 1) * INDENT; i++)
		(void)strbuf_addc(&doc->text, ' ');
	(void)strbuf_addc(&doc->text, bracket);
}

/* --- both --- */

static bool is_json(struct document *doc)
{
	if (doc->form == DOCUMENT_JSON && doc->text.len == 0)
		(void)strbuf_addc(&doc->text, '{');
	return doc->form == DOCUMENT_JSON;
}

static void put_key(struct document *doc, const char *key)
{
	if (is_json(doc)) {
		json_next(doc);
		(void)json_quote(&doc->text, key);
		(void)strbuf_adds(&doc->text, ": ");
	} else {
		(void)strbuf_addf(&doc->text, "%s = ", key);
	}
}

static void end_value(struct document *doc)
{
	if (doc->form == DOCUMENT_TOML)
		(void)strbuf_addc(&doc->text, '\n');
}

/* "[a.b]" or "[[a.b]]" of the innermost table. */
static void put_header(struct document *doc)
{
	bool is_item = doc->in_list[doc->depth - 1];

	if (doc->text.len > 0)
		(void)strbuf_addc(&doc->text, '\n');
	(void)strbuf_adds(&doc->text, is_item ? "[[" : "[");
	for (unsigned i = 0; i < doc->depth; i++) {
		if (doc->names[i])
			(void)strbuf_addf(&doc->text, "%s%s", i > 0 ? "." : "", doc->names[i]);
	}
	(void)strbuf_adds(&doc->text, is_item ? "]]\n" : "]\n");
}

static void push(struct document *doc, const char *name, bool in_list)
{
	assert(doc->depth < DOCUMENT_DEPTH_MAX);
	doc->names[doc->depth] = name;
	doc->in_list[doc->depth] = in_list;
	doc->depth++;
	doc->is_filled[doc->depth] = false;
}

void document_open(struct document *doc, const char *table)
{
	if (is_json(doc)) {
		put_key(doc, table);
		(void)strbuf_addc(&doc->text, '{');
	}
	push(doc, table, false);
	if (doc->form == DOCUMENT_TOML)
		put_header(doc);
}

void document_close(struct document *doc)
{
	assert(doc->depth > 0);
	doc->depth--;
	if (is_json(doc))
		json_close(doc, '}');
}

void document_open_list(struct document *doc, const char *name)
{
	if (is_json(doc)) {
		put_key(doc, name);
		(void)strbuf_addc(&doc->text, '[');
	}
	push(doc, name, false);
}

void document_open_item(struct document *doc)
{
	if (is_json(doc)) {
		json_next(doc);
		(void)strbuf_addc(&doc->text, '{');
	}
	push(doc, NULL, true);
	if (doc->form == DOCUMENT_TOML)
		put_header(doc);
}

void document_close_list(struct document *doc)
{
	assert(doc->depth > 0);
	doc->depth--;
	if (is_json(doc))
		json_close(doc, ']');
}

/* JSON's strings with their escapes are TOML's too, but for one: TOML has no \/, nor does
 * json_quote() write it. */
void document_str(struct document *doc, const char *key, const char *value)
{
	put_key(doc, key);
	(void)json_quote(&doc->text, value ? value : "");
	end_value(doc);
}

void document_bool(struct document *doc, const char *key, bool value)
{
	put_key(doc, key);
	(void)strbuf_adds(&doc->text, value ? "true" : "false");
	end_value(doc);
}

void document_int(struct document *doc, const char *key, int64_t value)
{
	put_key(doc, key);
	(void)strbuf_addf(&doc->text, "%" PRId64, value);
	end_value(doc);
}

void document_strs(struct document *doc, const char *key, const char *const *values)
{
	put_key(doc, key);
	(void)strbuf_addc(&doc->text, '[');
	for (size_t i = 0; values && values[i]; i++) {
		if (i > 0)
			(void)strbuf_adds(&doc->text, ", ");
		(void)json_quote(&doc->text, values[i]);
	}
	(void)strbuf_addc(&doc->text, ']');
	end_value(doc);
}

int document_print(struct document *doc)
{
	assert(doc->depth == 0);
	if (is_json(doc))
		(void)strbuf_adds(&doc->text, "\n}\n");
	if (strbuf_error(&doc->text) < 0)
		return strbuf_error(&doc->text);
	return fputs(strbuf_str(&doc->text), stdout) < 0 ? -EIO : 0;
}

void document_done(struct document *doc)
{
	strbuf_done(&doc->text);
}
