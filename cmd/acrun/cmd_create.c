#include "cmd/acrun/command.h"

#include "base/log.h"
#include "cmd/acrun/foreground.h"
#include "cmd/acrun/outside.h"
#include "runtime/sandbox/sandbox.h"

struct create_options {
	bool help;
	bool strict;
	const char *bundle;
	const char *console_socket;
	const char *pid_file;
	const char *pidfd_socket;
	uint32_t preserve_fds;
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
	{ "pidfd-socket", 0, OPTION_STRING, offsetof(struct create_options, pidfd_socket), "PATH",
	  "socket that gets a pidfd of the process" },
	{ "preserve-fds", 0, OPTION_U32, offsetof(struct create_options, preserve_fds), "N",
	  "only 0: descriptors do not reach into a virtual machine" },
	{ "no-pivot", 0, OPTION_IGNORED, 0, NULL, "accepted for compatibility" },
	{ "no-new-keyring", 0, OPTION_IGNORED, 0, NULL, "accepted for compatibility" },
};

/* A create that its caller cannot hear of is undone. */
static int send_pidfd(const struct globals *globals, const struct create_options *opts,
		      const char *id, int64_t shim, struct error *err)
{
	int ret = opts->pidfd_socket ? outside_send_pidfd(opts->pidfd_socket, shim, err) : 0;
	struct error undo = { 0 };

	if (ret < 0 && sandbox_delete(globals->root_abs, id, true, &undo) < 0)
		log_warning("%s", undo.text);
	return ret;
}

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

	int64_t shim = 0;
	int ret = outside_check_preserved(opts->preserve_fds, err);

	(void)argc;
	if (ret == 0)
		ret = globals_cgroup_manager(globals, &request.cgroup_manager, err);
	if (ret < 0)
		return ret;
	request.interrupt_fd = foreground_interrupt_fd(err);
	if (request.interrupt_fd < 0)
		return request.interrupt_fd;
	ret = sandbox_create(&request, &shim, err);
	return ret < 0 ? ret : send_pidfd(globals, opts, argv[0], shim, err);
}

static const struct command_example examples[] = {
	{ "acrun create --bundle /srv/web web", "prepare the container web" },
	{ "acrun start web", "and let it go" },
	{ NULL, NULL },
};

const struct command command_create = {
	.name = "create",
	.operands = "<container-id>",
	.summary = "create a container",
	.examples = examples,
	.options = { rows, sizeof(rows) / sizeof(rows[0]), false },
	.options_size = sizeof(struct create_options),
	.min_args = 1,
	.max_args = 1,
	.run = run,
	.prefix = true,
};
