#include "cmd/acrun/command.h"

#include <stdio.h>
#include "acrun_version.h"
#include "oci/spec.h"

struct version_options {
	bool help;
};

static const struct option_row rows[] = {
	{ "help", 'h', OPTION_FLAG, offsetof(struct version_options, help), NULL, "show help" },
};

static int run(const struct globals *globals, const void *options, int argc, char **argv,
	       struct error *err)
{
	(void)globals;
	(void)options;
	(void)argc;
	(void)argv;
	(void)err;
	printf("acrun version %s\ncommit: %s\nspec: %s\n", ACRUN_VERSION, ACRUN_COMMIT,
	       OCI_VERSION);
	return 0;
}

const struct command command_version = {
	.name = "version",
	.operands = "",
	.summary = "print the version",
	.options = { rows, sizeof(rows) / sizeof(rows[0]), false },
	.options_size = sizeof(struct version_options),
	.min_args = 0,
	.max_args = 0,
	.run = run,
};
