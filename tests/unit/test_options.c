#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "cmd/acrun/command.h"
#include "cmd/acrun/options.h"

struct values {
	bool help;
	bool force;
	const char *format;
	const char *file;
	uint32_t count;
	struct option_strings env;
};

static const struct option_row rows[] = {
	{ "help", 'h', OPTION_FLAG, offsetof(struct values, help), NULL, "show help" },
	{ "force", 0, OPTION_FLAG, offsetof(struct values, force), NULL, "use force" },
	{ "format", 'f', OPTION_STRING, offsetof(struct values, format), "F", "format" },
	{ "pid-file", 0, OPTION_STRING, offsetof(struct values, file), "FILE", "file" },
	{ "count", 'n', OPTION_U32, offsetof(struct values, count), "N", "number" },
	{ "env", 'e', OPTION_STRINGS, offsetof(struct values, env), "N=V", "several" },
	{ "no-pivot", 0, OPTION_IGNORED, 0, NULL, "ignored" },
	{ "criu", 0, OPTION_IGNORED, 0, "PATH", "ignored, with its argument" },
};
static const struct option_table anywhere = { rows, sizeof(rows) / sizeof(rows[0]), false };
static const struct option_table in_order = { rows, sizeof(rows) / sizeof(rows[0]), true };

enum { ARGS_MAX = 12 };

struct parsed {
	const char *argv[ARGS_MAX + 2];
	int argc;
	struct values values;
	struct error err;
	int ret;
};

/* args: what follows the program's name, up to the NULL. */
static void parse(struct parsed *p, const struct option_table *table, const char *const *args)
{
	*p = (struct parsed){ .argv = { "prog" }, .argc = 1 };
	while (*args)
		p->argv[p->argc++] = *args++;
	/* getopt() reorders the pointers, never the strings */
	p->ret = options_parse(table, p->argc, (char **)p->argv, &p->values, &p->err);
}

#define PARSE(p, table, ...) parse(&(p), &(table), (const char *const[]){ __VA_ARGS__, NULL })

static void nothing_is_fine(void **state)
{
	struct parsed p;

	(void)state;
	parse(&p, &anywhere, (const char *const[]){ NULL });
	assert_int_equal(p.ret, 1);
	assert_false(p.values.help);
	assert_null(p.values.format);
}

static void every_spelling_is_taken(void **state)
{
	static const char *const spellings[][3] = {
		{ "--format", "json" }, { "-format", "json" }, { "--format=json" },
		{ "-format=json" },	{ "-f", "json" },      { "-fjson" },
		{ "--form", "json" },
	};
	struct parsed p;

	(void)state;
	for (size_t i = 0; i < sizeof(spellings) / sizeof(spellings[0]); i++) {
		parse(&p, &anywhere, spellings[i]);
		if (p.ret < 0)
			fail_msg("%s: %s", spellings[i][0], p.err.text);
		assert_int_equal(p.ret, p.argc);
		assert_string_equal(p.values.format, "json");
		assert_false(p.values.help);
		assert_false(p.values.force);
	}
}

static void flags_numbers_and_ignored_ones(void **state)
{
	struct parsed p;

	(void)state;
	PARSE(p, anywhere, "-h", "--force", "-n", "4294967295", "--no-pivot", "--criu", "/x",
	      "--pid-file=", "id");
	assert_int_equal(p.ret, 9);
	assert_string_equal(p.argv[p.ret], "id");
	assert_true(p.values.help);
	assert_true(p.values.force);
	assert_true(p.values.count == UINT32_MAX);
	assert_string_equal(p.values.file, "");
}

static void flags_may_be_written_out(void **state)
{
	struct parsed p;

	(void)state;
	PARSE(p, anywhere, "--force=true", "--no-pivot=false", "id");
	assert_int_equal(p.ret, 3);
	assert_true(p.values.force);
	PARSE(p, anywhere, "--force", "-force=0");
	assert_int_equal(p.ret, 3);
	assert_false(p.values.force);
	/* the next word is no value of a flag */
	PARSE(p, anywhere, "--force", "false");
	assert_true(p.values.force);
	assert_string_equal(p.argv[p.ret], "false");
}

static void the_last_of_several_wins(void **state)
{
	struct parsed p;

	(void)state;
	PARSE(p, anywhere, "-f", "a", "--format=b");
	assert_string_equal(p.values.format, "b");
}

static void several_are_collected_in_order(void **state)
{
	struct parsed p;

	(void)state;
	PARSE(p, in_order, "-e", "A=1", "--env=B=2", "-eC", "id", "-e", "D");
	assert_int_equal(p.argc - p.ret, 3);
	assert_int_equal(p.values.env.len, 3);
	assert_string_equal(p.values.env.items[0], "A=1");
	assert_string_equal(p.values.env.items[1], "B=2");
	assert_string_equal(p.values.env.items[2], "C");
	options_done(&in_order, &p.values);
	assert_null(p.values.env.items);
	options_done(&in_order, &p.values);
	PARSE(p, in_order, "-e", "A=1", "--nonsense");
	assert_int_equal(p.ret, -EINVAL);
	options_done(&in_order, &p.values);
}

static void operands_may_stand_in_front(void **state)
{
	struct parsed p;

	(void)state;
	PARSE(p, anywhere, "id", "--force", "KILL", "-f", "x");
	assert_int_equal(p.argc - p.ret, 2);
	assert_string_equal(p.argv[p.ret], "id");
	assert_string_equal(p.argv[p.ret + 1], "KILL");
	assert_true(p.values.force);
	assert_string_equal(p.values.format, "x");
}

static void two_dashes_end_the_options(void **state)
{
	struct parsed p;

	(void)state;
	PARSE(p, anywhere, "--force", "--", "--help");
	assert_int_equal(p.argc - p.ret, 1);
	assert_string_equal(p.argv[p.ret], "--help");
	assert_false(p.values.help);
}

static void in_order_stops_at_the_first_word(void **state)
{
	struct parsed p;

	(void)state;
	PARSE(p, in_order, "--force", "exec", "--help", "-f", "x");
	assert_int_equal(p.ret, 2);
	assert_string_equal(p.argv[2], "exec");
	assert_string_equal(p.argv[3], "--help");
	assert_true(p.values.force);
	assert_false(p.values.help);
	assert_null(p.values.format);
}

static void a_second_parse_starts_anew(void **state)
{
	struct parsed p;

	(void)state;
	PARSE(p, in_order, "-hq");
	PARSE(p, in_order, "--force", "exec", "-h");
	assert_int_equal(p.ret, 2);
	PARSE(p, anywhere, "-h", "id");
	assert_int_equal(p.ret, 2);
	assert_true(p.values.help);
	assert_false(p.values.force);
}

static void mistakes_name_the_option(void **state)
{
	static const struct {
		const char *args[4];
		const char *text;
	} mistakes[] = {
		{ { "--wrong" }, "flag provided but not defined: --wrong" },
		{ { "id", "-wrong" }, "flag provided but not defined: -wrong" },
		{ { "-x" }, "flag provided but not defined: -x" },
		{ { "-hxh" }, "flag provided but not defined: -x" },
		{ { "--force=yes" }, "invalid boolean value \"yes\" for flag -force: parse error" },
		{ { "--no-pivot=maybe" },
		  "invalid boolean value \"maybe\" for flag -no-pivot: parse error" },
		{ { "--formt", "x" },
		  "flag provided but not defined: --formt (did you mean --format?)" },
		{ { "--pidfile=x" },
		  "flag provided but not defined: --pidfile=x (did you mean --pid-file?)" },
		{ { "--fo", "x" }, "flag provided but not defined: --fo" },
		{ { "--format" }, "flag needs an argument: --format" },
		{ { "id", "--pid-file" }, "flag needs an argument: --pid-file" },
		{ { "-hf" }, "flag needs an argument: -f" },
		{ { "-n", "12x" }, "invalid value \"12x\" for flag -count: not a number" },
		{ { "--count=-1" }, "invalid value \"-1\" for flag -count: not a number" },
		{ { "--count=4294967296" },
		  "invalid value \"4294967296\" for flag -count: not a number" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
		struct parsed p;

		parse(&p, &anywhere, mistakes[i].args);
		assert_int_equal(p.ret, -EINVAL);
		assert_string_equal(p.err.text, mistakes[i].text);
	}
}

static void every_command_is_found_by_its_name(void **state)
{
	size_t n = 0;

	(void)state;
	for (; command_at(n); n++) {
		assert_ptr_equal(command_find(command_at(n)->name), command_at(n));
		assert_non_null(command_at(n)->run);
		assert_true(command_at(n)->max_args == ARGS_ANY ||
			    command_at(n)->max_args >= command_at(n)->min_args);
		assert_non_null(command_at(n)->summary);
		assert_non_null(command_at(n)->operands);
		if (n > 0)
			assert_true(strcmp(command_at(n - 1)->name, command_at(n)->name) < 0);
	}
	assert_true(n >= 7);
	assert_null(command_at(n));
	assert_null(command_find("nonsense"));
	assert_null(command_find(""));
}

/* What main relies on: the struct begins with `bool help`, and every row fits into it. */
static void every_option_fits_its_struct(void **state)
{
	static const size_t sizes[] = { [OPTION_FLAG] = sizeof(bool),
					[OPTION_STRING] = sizeof(const char *),
					[OPTION_STRINGS] = sizeof(struct option_strings),
					[OPTION_U32] = sizeof(uint32_t),
					[OPTION_IGNORED] = 0 };

	(void)state;
	for (size_t n = 0; command_at(n); n++) {
		const struct option_table *table = &command_at(n)->options;

		assert_string_equal(table->rows[0].name, "help");
		assert_int_equal(table->rows[0].offset, 0);
		for (size_t i = 0; i < table->n_rows; i++) {
			const struct option_row *row = &table->rows[i];

			assert_true(row->offset + sizes[row->kind] <= command_at(n)->options_size);
			assert_true(i == 0 || row->kind == OPTION_IGNORED || row->offset > 0);
			assert_true(!row->arg == (row->kind == OPTION_FLAG) ||
				    row->kind == OPTION_IGNORED);
			assert_non_null(row->help);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_fine),
		cmocka_unit_test(every_spelling_is_taken),
		cmocka_unit_test(flags_numbers_and_ignored_ones),
		cmocka_unit_test(flags_may_be_written_out),
		cmocka_unit_test(the_last_of_several_wins),
		cmocka_unit_test(several_are_collected_in_order),
		cmocka_unit_test(operands_may_stand_in_front),
		cmocka_unit_test(two_dashes_end_the_options),
		cmocka_unit_test(in_order_stops_at_the_first_word),
		cmocka_unit_test(a_second_parse_starts_anew),
		cmocka_unit_test(mistakes_name_the_option),
		cmocka_unit_test(every_command_is_found_by_its_name),
		cmocka_unit_test(every_option_fits_its_struct),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
