#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "cmd/acrun/document.h"

static void fill(struct document *doc)
{
	static const char *const words[] = { "a", "b\"c", NULL };

	document_str(doc, "top", "line\nbreak \\ \"quoted\"");
	document_open(doc, "Runtime");
	document_bool(doc, "Debug", false);
	document_strs(doc, "Words", words);
	document_strs(doc, "None", NULL);
	document_open(doc, "Version");
	document_int(doc, "Major", -1);
	document_str(doc, "Nothing", NULL);
	document_close(doc);
	document_close(doc);
	document_open_list(doc, "checks");
	for (int i = 0; i < 2; i++) {
		document_open_item(doc);
		document_int(doc, "number", i);
		document_close(doc);
	}
	document_close_list(doc);
	document_open(doc, "Empty");
	document_close(doc);
}

static void toml_has_headers_and_lists_of_tables(void **state)
{
	auto_document struct document doc = { .form = DOCUMENT_TOML };

	(void)state;
	fill(&doc);
	assert_string_equal(strbuf_str(&doc.text),
			    "top = \"line\\nbreak \\\\ \\\"quoted\\\"\"\n"
			    "\n[Runtime]\nDebug = false\nWords = [\"a\", \"b\\\"c\"]\nNone = []\n"
			    "\n[Runtime.Version]\nMajor = -1\nNothing = \"\"\n"
			    "\n[[checks]]\nnumber = 0\n"
			    "\n[[checks]]\nnumber = 1\n"
			    "\n[Empty]\n");
}

static void json_is_indented_and_closed(void **state)
{
	auto_document struct document doc = { .form = DOCUMENT_JSON };

	(void)state;
	fill(&doc);
	assert_string_equal(strbuf_str(&doc.text),
			    "{\n  \"top\": \"line\\nbreak \\\\ \\\"quoted\\\"\",\n"
			    "  \"Runtime\": {\n    \"Debug\": false,\n"
			    "    \"Words\": [\"a\", \"b\\\"c\"],\n    \"None\": [],\n"
			    "    \"Version\": {\n      \"Major\": -1,\n      \"Nothing\": \"\"\n"
			    "    }\n  },\n"
			    "  \"checks\": [\n    {\n      \"number\": 0\n    },\n"
			    "    {\n      \"number\": 1\n    }\n  ],\n"
			    "  \"Empty\": {}");
}

static void empty_lists_are_lists(void **state)
{
	auto_document struct document doc = { .form = DOCUMENT_JSON };

	(void)state;
	document_open_list(&doc, "checks");
	document_close_list(&doc);
	document_int(&doc, "after", 1);
	assert_string_equal(strbuf_str(&doc.text), "{\n  \"checks\": [],\n  \"after\": 1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(toml_has_headers_and_lists_of_tables),
		cmocka_unit_test(json_is_indented_and_closed),
		cmocka_unit_test(empty_lists_are_lists),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
