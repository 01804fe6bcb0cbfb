#include "cmd/acrun/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/parse.h"
#include "runtime/config/nearest.h"

enum { OPTIONS_MAX = 40, OPTION_VALUE_BASE = 256, HELP_COLUMN = 27 };

struct getopt_tables {
	struct option longs[OPTIONS_MAX + 1];
	char shorts[2 * OPTIONS_MAX + 3];
};

static void build_tables(const struct option_table *table, struct getopt_tables *out)
{
	size_t n = 0;

	memset(out, 0, sizeof(*out));
	if (table->in_order)
		out->shorts[n++] = '+';
	out->shorts[n++] = ':';
	for (size_t i = 0; i < table->n_rows && i < OPTIONS_MAX; i++) {
		const struct option_row *row = &table->rows[i];

		/* A flag may be written out: --force=true. */
		out->longs[i] = (struct option){ .name = row->name,
						 .has_arg = row->arg ? required_argument
								     : optional_argument,
						 .val = OPTION_VALUE_BASE + (int)i };
		if (!row->letter)
			continue;
		out->shorts[n++] = row->letter;
		if (row->arg)
			out->shorts[n++] = ':';
	}
}

static const struct option_row *row_of(const struct option_table *table, int value)
{
	if (value >= OPTION_VALUE_BASE)
		return &table->rows[value - OPTION_VALUE_BASE];
	for (size_t i = 0; i < table->n_rows; i++)
		if (table->rows[i].letter && table->rows[i].letter == value)
			return &table->rows[i];
	return NULL;
}

static int add_string(struct option_strings *strings, const char *text, struct error *err)
{
	const char **items = reallocarray(strings->items, strings->len + 1, sizeof(*items));

	if (!items)
		return err_set(err, -ENOMEM, "options");
	items[strings->len++] = text;
	strings->items = items;
	return 0;
}

/* The words are those of Go's ParseBool, which runc reads flags with. text NULL: the bare flag. */
static int parse_flag(const struct option_row *row, const char *text, bool *out, struct error *err)
{
	static const char *const words[][7] = {
		{ "0", "f", "F", "false", "FALSE", "False", NULL },
		{ "1", "t", "T", "true", "TRUE", "True", NULL },
	};

	*out = true;
	if (!text)
		return 0;
	for (int value = 0; value < 2; value++)
		for (const char *const *word = words[value]; *word; word++)
			if (!strcmp(*word, text)) {
				*out = value;
				return 0;
			}
	return err_msg(err, -EINVAL, "invalid boolean value \"%s\" for flag -%s: parse error", text,
		       row->name);
}

static int store(const struct option_row *row, char *out, struct error *err)
{
	bool ignored;

	switch (row->kind) {
	case OPTION_FLAG:
		return parse_flag(row, optarg, (bool *)(out + row->offset), err);
	case OPTION_STRING:
		*(const char **)(out + row->offset) = optarg;
		return 0;
	case OPTION_STRINGS:
		return add_string((struct option_strings *)(out + row->offset), optarg, err);
	case OPTION_U32:
		if (parse_u32(optarg, (uint32_t *)(out + row->offset)) < 0)
			return err_msg(err, -EINVAL,
				       "invalid value \"%s\" for flag -%s: not a number", optarg,
				       row->name);
		return 0;
	case OPTION_IGNORED:
		return row->arg ? 0 : parse_flag(row, optarg, &ignored, err);
	}
	return 0;
}

static int unknown(const struct option_table *table, const char *word, struct error *err)
{
	const char *name = word + strspn(word, "-");
	char bare[NEAREST_MAX_LEN + 1];
	struct nearest nearest = { .word = bare };
	size_t len = strcspn(name, "=");

	err_msg(err, -EINVAL, "flag provided but not defined: %s", word);
	if (len > NEAREST_MAX_LEN)
		return -EINVAL;
	(void)snprintf(bare, sizeof(bare), "%.*s", (int)len, name);
	for (size_t i = 0; i < table->n_rows; i++)
		nearest_offer(&nearest, table->rows[i].name);
	return nearest.best ? err_hint(err, "did you mean --%s?", nearest.best) : -EINVAL;
}

/* Explains the option that getopt has just refused. A refused letter may stand in the middle of a
 * word; optopt has it. */
static int refuse(const struct option_table *table, int value, char *word, struct error *err)
{
	char letter[] = { '-', (char)optopt, '\0' };

	if (optopt > 0 && optopt < OPTION_VALUE_BASE)
		word = letter;
	if (value == ':')
		return err_msg(err, -EINVAL, "flag needs an argument: %s", word);
	return unknown(table, word, err);
}

int options_parse(const struct option_table *table, int argc, char **argv, void *out,
		  struct error *err)
{
	struct getopt_tables tables;
	int value;

	build_tables(table, &tables);
	optind = 0;
	opterr = 0;
	while ((value = getopt_long_only(argc, argv, tables.shorts, tables.longs, NULL)) != -1) {
		const struct option_row *row = row_of(table, value);

		if (value == ':' || value == '?' || !row)
			return refuse(table, value, argv[optind - 1], err);
		if (store(row, out, err) < 0)
			return -EINVAL;
	}
	return optind;
}

void options_done(const struct option_table *table, void *out)
{
	for (size_t i = 0; i < table->n_rows; i++) {
		struct option_strings *strings = (void *)((char *)out + table->rows[i].offset);

		if (table->rows[i].kind != OPTION_STRINGS)
			continue;
		free(strings->items);
		*strings = (struct option_strings){ 0 };
	}
}

void options_print(const struct option_table *table)
{
	for (size_t i = 0; i < table->n_rows; i++) {
		const struct option_row *row = &table->rows[i];
		char letter[] = { '-', row->letter, ',', '\0' };
		char left[64];
		int len = snprintf(left, sizeof(left), "--%s%s%s", row->name, row->arg ? " " : "",
				   row->arg ? row->arg : "");

		printf("   %3s %-*s", row->letter ? letter : "", HELP_COLUMN, left);
		if (len >= HELP_COLUMN)
			printf("\n%*s", 7 + HELP_COLUMN, "");
		printf("%s\n", row->help);
	}
}
