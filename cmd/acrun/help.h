/* What --help prints: made from the tables. */
#ifndef CMD_ACRUN_HELP_H
#define CMD_ACRUN_HELP_H

#include "cmd/acrun/command.h"

/* Prints the help of the program to stdout. */
void help_print(void);
/* Prints the help of a command to stdout. */
void help_print_command(const struct command *command);

/* "No help topic for ..." with the nearest command there is. Returns -EINVAL. */
int help_unknown(const char *name, struct error *err);

#endif
