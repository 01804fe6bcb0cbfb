#include "cmd/acrun/help.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "cmd/acrun/colour.h"
#include "runtime/config/nearest.h"

enum { EXAMPLE_WIDTH = 52 };

static void print_heading(const char *text)
{
	printf("%s%s:%s\n", colour_of(STDOUT_FILENO, COLOUR_BOLD), text,
	       colour_of(STDOUT_FILENO, COLOUR_NONE));
}

static void print_examples(const struct command_example *examples)
{
	if (!examples)
		return;
	putchar('\n');
	print_heading("EXAMPLES");
	for (; examples->line; examples++)
		printf("   %-*s # %s\n", EXAMPLE_WIDTH, examples->line, examples->what);
}

void help_print(void)
{
	static const struct command_example examples[] = {
		{ "acrun check", "can this host run virtual machines?" },
		{ "acrun spec && acrun run web", "make a config.json, run the bundle here" },
		{ "acrun exec -t web sh", "a shell in the container web" },
		{ "acrun help run", "more of one command" },
		{ NULL, NULL },
	};

	print_heading("NAME");
	printf("   acrun - Open Container Initiative runtime: each pod in a virtual machine of its own\n\n");
	print_heading("USAGE");
	printf("   acrun [global options] command [command options] [arguments...]\n\n");
	print_heading("COMMANDS");
	for (size_t i = 0; command_at(i); i++)
		printf("   %-10s %s\n", command_at(i)->name, command_at(i)->summary);
	putchar('\n');
	print_heading("GLOBAL OPTIONS");
	options_print(&globals_options);
	print_examples(examples);
}

void help_print_command(const struct command *command)
{
	print_heading("NAME");
	printf("   acrun %s - %s\n\n", command->name, command->summary);
	print_heading("USAGE");
	printf("   acrun %s [command options]%s%s\n\n", command->name,
	       *command->operands ? " " : "", command->operands);
	print_heading("OPTIONS");
	options_print(&command->options);
	print_examples(command->examples);
}

int help_unknown(const char *name, struct error *err)
{
	struct nearest nearest = { .word = name };

	for (size_t i = 0; command_at(i); i++)
		nearest_offer(&nearest, command_at(i)->name);
	err_msg(err, -EINVAL, "No help topic for '%s'", name);
	if (nearest.best)
		return err_hint(err, "did you mean \"%s\"?", nearest.best);
	return err_hint(err, "acrun help lists the commands");
}
