#include "cmd/acrun/completion.h"

#include <stdio.h>
#include <string.h>

enum { WORDS_MAX = 128 };

enum completion_kind completion_kind(const char *name)
{
	static const struct {
		const char *name;
		enum completion_kind kind;
	} kinds[] = {
		{ "DIR", COMPLETION_DIRECTORY },     { "FILE", COMPLETION_FILE },
		{ "PATH", COMPLETION_FILE },	     { "<container-id>", COMPLETION_CONTAINER },
		{ "[command]", COMPLETION_COMMAND },
	};
	size_t len = name ? strcspn(name, " ") : 0;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strlen(kinds[i].name) == len && !strncmp(name, kinds[i].name, len))
			return kinds[i].kind;
	return len > 0 && memchr(name, '|', len) ? COMPLETION_WORDS : COMPLETION_NONE;
}

void completion_words(const char *name, char *out, size_t size)
{
	(void)snprintf(out, size, "%.*s", (int)strcspn(name, " "), name);
	for (; *out; out++)
		if (*out == '|')
			*out = ' ';
}

/* --- bash --- */

static void print_names(void)
{
	for (size_t i = 0; command_at(i); i++)
		printf("%s%s", i > 0 ? " " : "", command_at(i)->name);
}

/* The reply for a word of that kind, as one line of a case. */
static void bash_reply(const char *name)
{
	char words[WORDS_MAX];

	switch (completion_kind(name)) {
	case COMPLETION_WORDS:
		completion_words(name, words, sizeof(words));
		printf("mapfile -t COMPREPLY < <(compgen -W \"%s\" -- \"$cur\")", words);
		return;
	case COMPLETION_DIRECTORY:
		printf("mapfile -t COMPREPLY < <(compgen -d -- \"$cur\")");
		return;
	case COMPLETION_FILE:
		printf("mapfile -t COMPREPLY < <(compgen -f -- \"$cur\")");
		return;
	case COMPLETION_CONTAINER:
		printf("mapfile -t COMPREPLY < <(compgen -W "
		       "\"$(acrun \"${root[@]}\" list -q 2>/dev/null)\" -- \"$cur\")");
		return;
	case COMPLETION_COMMAND:
		printf("mapfile -t COMPREPLY < <(compgen -W \"");
		print_names();
		printf("\" -- \"$cur\")");
		return;
	case COMPLETION_NONE:
		printf(":");
		return;
	}
}

static void bash_values(const char *command, const struct option_table *table)
{
	for (size_t i = 0; i < table->n_rows; i++) {
		const struct option_row *row = &table->rows[i];

		if (!row->arg)
			continue;
		printf("\t\"%s --%s\"", command, row->name);
		if (row->letter)
			printf(" | \"%s -%c\"", command, row->letter);
		printf(")\n\t\t");
		bash_reply(row->arg);
		printf("\n\t\treturn\n\t\t;;\n");
	}
}

static void bash_flags(const char *command, const struct option_table *table)
{
	printf("\t\t\"%s\") words=\"", command);
	for (size_t i = 0; i < table->n_rows; i++)
		printf("%s--%s", i > 0 ? " " : "", table->rows[i].name);
	printf("\" ;;\n");
}

static void bash_find_command(void)
{
	bool first = true;

	printf("\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
	       "\t\tcase ${COMP_WORDS[i]} in\n"
	       "\t\t--root) root=(--root \"${COMP_WORDS[++i]}\") ;;\n\t\t");
	for (size_t i = 0; i < globals_options.n_rows; i++) {
		const struct option_row *row = &globals_options.rows[i];

		if (!row->arg || !strcmp(row->name, "root"))
			continue;
		printf("%s--%s", first ? "" : " | ", row->name);
		first = false;
	}
	printf(") ((i++)) ;;\n"
	       "\t\t-*) ;;\n"
	       "\t\t*) command=${COMP_WORDS[i]} && break ;;\n"
	       "\t\tesac\n"
	       "\tdone\n");
}

void completion_print_bash(void)
{
	printf("# shellcheck shell=bash\n# Made by `acrun completion bash`.\n_acrun() {\n"
	       "\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}\n"
	       "\tlocal command='' words='' root=() i\n"
	       "\tCOMPREPLY=()\n");
	bash_find_command();
	printf("\tcase \"$command $prev\" in\n");
	bash_values("", &globals_options);
	for (size_t i = 0; command_at(i); i++)
		bash_values(command_at(i)->name, &command_at(i)->options);
	printf("\tesac\n\tif [[ $cur == -* ]]; then\n\t\tcase $command in\n");
	bash_flags("", &globals_options);
	for (size_t i = 0; command_at(i); i++)
		bash_flags(command_at(i)->name, &command_at(i)->options);
	printf("\t\tesac\n\t\tmapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")\n"
	       "\t\treturn\n\tfi\n\tcase $command in\n\t\"\") ");
	bash_reply("[command]");
	printf(" ;;\n");
	for (size_t i = 0; command_at(i); i++) {
		if (completion_kind(command_at(i)->operands) == COMPLETION_NONE)
			continue;
		printf("\t%s) ", command_at(i)->name);
		bash_reply(command_at(i)->operands);
		printf(" ;;\n");
	}
	printf("\tesac\n}\ncomplete -F _acrun acrun\n");
}
