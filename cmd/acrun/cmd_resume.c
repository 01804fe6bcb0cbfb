#include "cmd/acrun/command.h"

#include "runtime/sandbox/control.h"

struct resume_options {
	bool help;
};

static const struct option_row rows[] = {
	{ "help", 'h', OPTION_FLAG, offsetof(struct resume_options, help), NULL, "show help" },
};

static int run(const struct globals *globals, const void *options, int argc, char **argv,
	       struct error *err)
{
	(void)options;
	(void)argc;
	return sandbox_resume(globals->root_abs, argv[0], err);
}

const struct command command_resume = {
	.name = "resume",
	.operands = "<container-id>",
	.summary = "let a paused container go on",
	.options = { rows, sizeof(rows) / sizeof(rows[0]), false },
	.options_size = sizeof(struct resume_options),
	.min_args = 1,
	.max_args = 1,
	.run = run,
};
