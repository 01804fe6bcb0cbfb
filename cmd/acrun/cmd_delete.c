#include "cmd/acrun/command.h"

#include "runtime/sandbox/sandbox.h"

struct delete_options {
	bool help;
	bool force;
};

static const struct option_row rows[] = {
	{ "help", 'h', OPTION_FLAG, offsetof(struct delete_options, help), NULL, "show help" },
	{ "force", 'f', OPTION_FLAG, offsetof(struct delete_options, force), NULL,
	  "delete a running container too; an unknown one is fine" },
};

static int run(const struct globals *globals, const void *options, int argc, char **argv,
	       struct error *err)
{
	const struct delete_options *opts = options;

	(void)argc;
	return sandbox_delete(globals->root_abs, argv[0], opts->force, err);
}

static const struct command_example examples[] = {
	{ "acrun delete web", "remove what has stopped" },
	{ "acrun delete --force web", "whatever its state" },
	{ NULL, NULL },
};

const struct command command_delete = {
	.name = "delete",
	.operands = "<container-id>",
	.summary = "remove a container and everything that belongs to it",
	.examples = examples,
	.options = { rows, sizeof(rows) / sizeof(rows[0]), false },
	.options_size = sizeof(struct delete_options),
	.min_args = 1,
	.max_args = 1,
	.run = run,
};
