#include "cmd/acrun/command.h"

#include "runtime/sandbox/sandbox.h"

struct start_options {
	bool help;
};

static const struct option_row rows[] = {
	{ "help", 'h', OPTION_FLAG, offsetof(struct start_options, help), NULL, "show help" },
};

static int run(const struct globals *globals, const void *options, int argc, char **argv,
	       struct error *err)
{
	(void)options;
	(void)argc;
	return sandbox_start(globals->root_abs, argv[0], err);
}

static const struct command_example examples[] = {
	{ "acrun create web && acrun start web", "in two steps" },
	{ NULL, NULL },
};

const struct command command_start = {
	.name = "start",
	.operands = "<container-id>",
	.summary = "execute the process of a created container",
	.examples = examples,
	.options = { rows, sizeof(rows) / sizeof(rows[0]), false },
	.options_size = sizeof(struct start_options),
	.min_args = 1,
	.max_args = 1,
	.run = run,
	.prefix = true,
};
