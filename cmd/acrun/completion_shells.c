/* The shells whose scripts are lists: zsh and fish. */
#include <stdio.h>
#include <string.h>
#include "cmd/acrun/completion.h"

enum { WORDS_MAX = 128 };

/* Inside single quotes; `special` gets a backslash in front. */
static void put_quoted(const char *text, const char *special)
{
	for (; *text; text++) {
		if (*text == '\'')
			printf("'\\''");
		else
			printf("%s%c", strchr(special, *text) ? "\\" : "", *text);
	}
}

/* --- zsh --- */

static void zsh_action(const char *name)
{
	char words[WORDS_MAX];

	switch (completion_kind(name)) {
	case COMPLETION_WORDS:
		completion_words(name, words, sizeof(words));
		printf("(%s)", words);
		return;
	case COMPLETION_DIRECTORY:
		printf("_files -/");
		return;
	case COMPLETION_FILE:
		printf("_files");
		return;
	case COMPLETION_CONTAINER:
		printf("_acrun_containers");
		return;
	case COMPLETION_COMMAND:
		printf("_acrun_commands");
		return;
	case COMPLETION_NONE:
		printf(" ");
		return;
	}
}

static void zsh_options(const struct option_table *table, const char *indent)
{
	for (size_t i = 0; i < table->n_rows; i++) {
		const struct option_row *row = &table->rows[i];

		printf(" \\\n%s", indent);
		if (row->letter)
			printf("'(-%c --%s)'{-%c,--%s}'", row->letter, row->name, row->letter,
			       row->name);
		else
			printf("'--%s", row->name);
		printf("[");
		put_quoted(row->help, "[]:\\");
		printf("]");
		if (row->arg) {
			printf(":");
			put_quoted(row->arg, ":\\");
			printf(":");
			zsh_action(row->arg);
		}
		printf("'");
	}
}

static void zsh_command(const struct command *command)
{
	printf("\t\t%s)\n\t\t\t_arguments", command->name);
	zsh_options(&command->options, "\t\t\t\t");
	if (completion_kind(command->operands) != COMPLETION_NONE) {
		printf(" \\\n\t\t\t\t'1:operand:");
		zsh_action(command->operands);
		printf("'");
	}
	printf("\n\t\t\t;;\n");
}

void completion_print_zsh(void)
{
	printf("#compdef acrun\n# Made by `acrun completion zsh`.\n\n"
	       "_acrun_containers() {\n"
	       "\tlocal -a ids=(${(f)\"$(acrun list -q 2>/dev/null)\"})\n"
	       "\tcompadd -a ids\n}\n\n"
	       "_acrun_commands() {\n\tlocal -a commands=(\n");
	for (size_t i = 0; command_at(i); i++) {
		printf("\t\t'%s:", command_at(i)->name);
		put_quoted(command_at(i)->summary, ":\\");
		printf("'\n");
	}
	printf("\t)\n\t_describe command commands\n}\n\n"
	       "_acrun() {\n\tlocal curcontext=$curcontext state line\n"
	       "\ttypeset -A opt_args\n\t_arguments -C");
	zsh_options(&globals_options, "\t\t");
	printf(" \\\n\t\t'1:command:_acrun_commands' \\\n\t\t'*::argument:->arguments'\n"
	       "\t[[ $state == arguments ]] || return\n\tcase $words[1] in\n");
	for (size_t i = 0; command_at(i); i++)
		zsh_command(command_at(i));
	printf("\tesac\n}\n\n_acrun \"$@\"\n");
}

/* --- fish --- */

static void fish_values(const char *name)
{
	char words[WORDS_MAX];

	switch (completion_kind(name)) {
	case COMPLETION_WORDS:
		completion_words(name, words, sizeof(words));
		printf(" -a '%s'", words);
		return;
	case COMPLETION_DIRECTORY:
		printf(" -a '(__fish_complete_directories)'");
		return;
	case COMPLETION_FILE:
		printf(" -F");
		return;
	case COMPLETION_CONTAINER:
		printf(" -a '(acrun list -q 2>/dev/null)'");
		return;
	case COMPLETION_COMMAND:
		printf(" -a '");
		for (size_t i = 0; command_at(i); i++)
			printf("%s ", command_at(i)->name);
		printf("'");
		return;
	case COMPLETION_NONE:
		return;
	}
}

static void fish_options(const char *condition, const struct option_table *table)
{
	for (size_t i = 0; i < table->n_rows; i++) {
		const struct option_row *row = &table->rows[i];

		printf("complete -c acrun -n '%s' -l %s", condition, row->name);
		if (row->letter)
			printf(" -s %c", row->letter);
		if (row->arg) {
			printf(" -r");
			fish_values(row->arg);
		}
		printf(" -d '");
		put_quoted(row->help, "\\");
		printf("'\n");
	}
}

void completion_print_fish(void)
{
	char condition[96];

	printf("# Made by `acrun completion fish`.\ncomplete -c acrun -f\n");
	fish_options("__fish_use_subcommand", &globals_options);
	for (size_t i = 0; command_at(i); i++) {
		printf("complete -c acrun -n __fish_use_subcommand -a %s -d '",
		       command_at(i)->name);
		put_quoted(command_at(i)->summary, "\\");
		printf("'\n");
	}
	for (size_t i = 0; command_at(i); i++) {
		(void)snprintf(condition, sizeof(condition), "__fish_seen_subcommand_from %s",
			       command_at(i)->name);
		fish_options(condition, &command_at(i)->options);
		if (completion_kind(command_at(i)->operands) == COMPLETION_NONE)
			continue;
		printf("complete -c acrun -n '%s'", condition);
		fish_values(command_at(i)->operands);
		printf("\n");
	}
}
