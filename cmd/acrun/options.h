/* Command-line options driven by one table a command: the table parses, and makes --help. */
#ifndef CMD_ACRUN_OPTIONS_H
#define CMD_ACRUN_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include "base/error.h"

enum option_kind {
	OPTION_FLAG,	/* bool */
	OPTION_STRING,	/* const char *; points into argv */
	OPTION_STRINGS, /* struct option_strings: may be given several times; options_done() */
	OPTION_U32,	/* uint32_t */
	OPTION_IGNORED, /* taken for runc's sake, without effect on a VM; has an argument when `arg`
			   is set */
};

struct option_strings {
	const char **items; /* they point into argv */
	size_t len;
};

struct option_row {
	const char *name;
	char letter; /* 0: none */
	enum option_kind kind;
	size_t offset;	 /* in the command's option struct */
	const char *arg; /* name of the argument in --help; NULL for flags */
	const char *help;
};

struct option_table {
	const struct option_row *rows;
	size_t n_rows;
	bool in_order; /* stop at the first word that is no option */
};

/*
 * Parses argv[1..argc-1] into `out`. Returns the index of the first operand (operands are moved
 * behind the options unless in_order), or -EINVAL with err. Long options may be written with one
 * dash.
 */
int options_parse(const struct option_table *table, int argc, char **argv, void *out,
		  struct error *err) must_check;

/* Frees what options_parse() has put into `out`, after a failure too. */
void options_done(const struct option_table *table, void *out);

/* Prints the option lines of --help to stdout. */
void options_print(const struct option_table *table);

#endif
