#include "cmd/acrun/command.h"

#include "cmd/acrun/foreground.h"
#include "runtime/sandbox/sandbox.h"

struct create_options {
	bool help;
	bool strict;
	const char *bundle;
	const char *console_socket;
	const char *pid_file;
};

static const struct option_row rows[] = {
	{ "help", 'h', OPTION_FLAG, offsetof(struct create_options, help), NULL, "show help" },
	{ "bundle", 'b', OPTION_STRING, offsetof(struct create_options, bundle), "DIR",
	  "the bundle (default: current directory)" },
	{ "console-socket", 0, OPTION_STRING, offsetof(struct create_options, console_socket),
	  "PATH", "socket that gets the terminal's master" },
	{ "pid-file", 0, OPTION_STRING, offsetof(struct create_options, pid_file), "FILE",
	  "write the container's pid to FILE" },
	{ "strict", 0, OPTION_FLAG, offsetof(struct create_options, strict), NULL,
	  "fail when a part of config.json can have no effect" },
	{ "no-pivot", 0, OPTION_IGNORED, 0, NULL, "accepted for compatibility" },
	{ "no-new-keyring", 0, OPTION_IGNORED, 0, NULL, "accepted for compatibility" },
};

static int run(const struct globals *globals, const void *options, int argc, char **argv,
	       struct error *err)
{
	const struct create_options *opts = options;
	struct create_request request = {
		.root = globals->root_abs,
		.id = argv[0],
		.bundle = opts->bundle,
		.pid_file = opts->pid_file,
		.console_socket = opts->console_socket,
		.config = globals->config,
		.strict = opts->strict,
		.detach = true,
	};

	(void)argc;
	request.interrupt_fd = foreground_interrupt_fd(err);
	if (request.interrupt_fd < 0)
		return request.interrupt_fd;
	return sandbox_create(&request, NULL, err);
}

const struct command command_create = {
	.name = "create",
	.operands = "<container-id>",
	.summary = "create a container",
	.options = { rows, sizeof(rows) / sizeof(rows[0]), false },
	.options_size = sizeof(struct create_options),
	.min_args = 1,
	.max_args = 1,
	.run = run,
	.prefix = true,
};
