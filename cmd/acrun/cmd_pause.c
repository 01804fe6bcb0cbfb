#include "cmd/acrun/command.h"

#include "runtime/sandbox/control.h"

struct pause_options {
	bool help;
};

static const struct option_row rows[] = {
	{ "help", 'h', OPTION_FLAG, offsetof(struct pause_options, help), NULL, "show help" },
};

static int run(const struct globals *globals, const void *options, int argc, char **argv,
	       struct error *err)
{
	(void)options;
	(void)argc;
	return sandbox_pause(globals->root_abs, argv[0], err);
}

const struct command command_pause = {
	.name = "pause",
	.operands = "<container-id>",
	.summary = "stop all processes of a container where they are",
	.options = { rows, sizeof(rows) / sizeof(rows[0]), false },
	.options_size = sizeof(struct pause_options),
	.min_args = 1,
	.max_args = 1,
	.run = run,
};
