#include "cmd/acrun/command.h"

#include "cmd/acrun/help.h"

enum { UNKNOWN_TOPIC = 3 };

struct help_options {
	bool help;
};

static const struct option_row rows[] = {
	{ "help", 'h', OPTION_FLAG, offsetof(struct help_options, help), NULL, "show help" },
};

static int run(const struct globals *globals, const void *options, int argc, char **argv,
	       struct error *err)
{
	const struct command *command;

	(void)globals;
	(void)options;
	if (argc == 0) {
		help_print();
		return 0;
	}
	command = command_find(argv[0]);
	if (!command)
		return help_unknown(argv[0], err);
	help_print_command(command);
	return 0;
}

const struct command command_help = {
	.name = "help",
	.operands = "[command]",
	.summary = "show help, also of a command",
	.options = { rows, sizeof(rows) / sizeof(rows[0]), false },
	.options_size = sizeof(struct help_options),
	.min_args = 0,
	.max_args = 1,
	.failure_code = UNKNOWN_TOPIC,
	.run = run,
};
