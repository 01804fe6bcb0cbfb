/* Completion for shells, made from the tables of commands and options. */
#ifndef CMD_ACRUN_COMPLETION_H
#define CMD_ACRUN_COMPLETION_H

#include <stddef.h>
#include "cmd/acrun/command.h"

/* What a word of the command line may be, as its name in the tables tells. */
enum completion_kind {
	COMPLETION_NONE,
	COMPLETION_WORDS, /* "table|json" */
	COMPLETION_DIRECTORY,
	COMPLETION_FILE,
	COMPLETION_CONTAINER,
	COMPLETION_COMMAND,
};

/* Of an option's argument, or of a command's first operand. */
enum completion_kind completion_kind(const char *name);
/* The first word of "show|check [file]" with blanks between its parts: "show check". */
void completion_words(const char *name, char *out, size_t size);

/* Each prints a script for its shell to stdout. */
void completion_print_bash(void);
void completion_print_zsh(void);
void completion_print_fish(void);

#endif
