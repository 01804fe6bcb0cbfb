#include "cmd/acrun/command.h"

#include <errno.h>
#include <signal.h>
#include "base/parse.h"
#include "runtime/sandbox/sandbox.h"

struct kill_options {
	bool help;
	bool all;
};

static const struct option_row rows[] = {
	{ "help", 'h', OPTION_FLAG, offsetof(struct kill_options, help), NULL, "show help" },
	{ "all", 'a', OPTION_FLAG, offsetof(struct kill_options, all), NULL,
	  "signal every process of the container" },
};

static int run(const struct globals *globals, const void *options, int argc, char **argv,
	       struct error *err)
{
	const struct kill_options *opts = options;
	int signo = SIGTERM;

	if (argc > 1 && parse_signal(argv[1], &signo) < 0)
		return err_msg(err, -EINVAL, "unknown signal \"%s\"", argv[1]);
	return sandbox_kill(globals->root_abs, argv[0], signo, opts->all, err);
}

static const struct command_example examples[] = {
	{ "acrun kill web", "ask it to end" },
	{ "acrun kill web KILL", "do not ask" },
	{ "acrun kill --all web HUP", "tell all its processes" },
	{ NULL, NULL },
};

const struct command command_kill = {
	.name = "kill",
	.operands = "<container-id> [signal]",
	.summary = "send a signal (default: TERM) to a container",
	.examples = examples,
	.options = { rows, sizeof(rows) / sizeof(rows[0]), false },
	.options_size = sizeof(struct kill_options),
	.min_args = 1,
	.max_args = 2,
	.run = run,
};
