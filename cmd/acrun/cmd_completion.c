#include "cmd/acrun/command.h"

#include <errno.h>
#include <string.h>
#include "cmd/acrun/completion.h"

struct completion_options {
	bool help;
};

static const struct option_row rows[] = {
	{ "help", 'h', OPTION_FLAG, offsetof(struct completion_options, help), NULL, "show help" },
};

static int run(const struct globals *globals, const void *options, int argc, char **argv,
	       struct error *err)
{
	static const struct {
		const char *name;
		void (*print)(void);
	} shells[] = {
		{ "bash", completion_print_bash },
		{ "zsh", completion_print_zsh },
		{ "fish", completion_print_fish },
	};

	(void)globals;
	(void)options;
	(void)argc;
	for (size_t i = 0; i < sizeof(shells) / sizeof(shells[0]); i++)
		if (!strcmp(argv[0], shells[i].name)) {
			shells[i].print();
			return 0;
		}
	return err_msg(err, -EINVAL, "no completion for \"%s\" (there is for bash, zsh and fish)",
		       argv[0]);
}

static const struct command_example examples[] = {
	{ "source <(acrun completion bash)", "complete in this shell" },
	{ NULL, NULL },
};

const struct command command_completion = {
	.name = "completion",
	.operands = "bash|zsh|fish",
	.summary = "print the completion script for a shell",
	.examples = examples,
	.options = { rows, sizeof(rows) / sizeof(rows[0]), false },
	.options_size = sizeof(struct completion_options),
	.min_args = 1,
	.max_args = 1,
	.run = run,
};
