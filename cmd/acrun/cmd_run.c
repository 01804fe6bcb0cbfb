#include "cmd/acrun/command.h"

#include "base/log.h"
#include "cmd/acrun/foreground.h"
#include "cmd/acrun/outside.h"
#include "runtime/sandbox/sandbox.h"

struct run_options {
	bool help;
	bool strict;
	bool detach;
	bool keep;
	bool no_subreaper;
	const char *bundle;
	const char *console_socket;
	const char *pid_file;
	const char *pidfd_socket;
	uint32_t preserve_fds;
};

static const struct option_row rows[] = {
	{ "help", 'h', OPTION_FLAG, offsetof(struct run_options, help), NULL, "show help" },
	{ "bundle", 'b', OPTION_STRING, offsetof(struct run_options, bundle), "DIR",
	  "the bundle (default: current directory)" },
	{ "console-socket", 0, OPTION_STRING, offsetof(struct run_options, console_socket), "PATH",
	  "socket that gets the terminal's master" },
	{ "detach", 'd', OPTION_FLAG, offsetof(struct run_options, detach), NULL,
	  "return once the container runs" },
	{ "keep", 0, OPTION_FLAG, offsetof(struct run_options, keep), NULL,
	  "do not delete the container after it exited" },
	{ "pid-file", 0, OPTION_STRING, offsetof(struct run_options, pid_file), "FILE",
	  "write the container's pid to FILE" },
	{ "no-subreaper", 0, OPTION_FLAG, offsetof(struct run_options, no_subreaper), NULL,
	  "accepted for compatibility" },
	{ "strict", 0, OPTION_FLAG, offsetof(struct run_options, strict), NULL,
	  "fail when a part of config.json can have no effect" },
	{ "pidfd-socket", 0, OPTION_STRING, offsetof(struct run_options, pidfd_socket), "PATH",
	  "socket that gets a pidfd of the process" },
	{ "preserve-fds", 0, OPTION_U32, offsetof(struct run_options, preserve_fds), "N",
	  "only 0: descriptors do not reach into a virtual machine" },
	{ "no-pivot", 0, OPTION_IGNORED, 0, NULL, "accepted for compatibility" },
	{ "no-new-keyring", 0, OPTION_IGNORED, 0, NULL, "accepted for compatibility" },
};

/* Removes what a failed or finished run leaves; a failure of that is told but changes nothing. */
static void clean_up(const struct globals *globals, const char *id)
{
	struct error err = { 0 };

	if (sandbox_delete(globals->root_abs, id, true, &err) < 0)
		log_warning("%s", err.text);
}

static int run_container(const struct globals *globals, const struct run_options *opts,
			 struct create_request *request, struct foreground *fg, struct error *err)
{
	int64_t shim = 0;
	int ret;

	request->interrupt_fd = fg->interrupt_fd;
	ret = sandbox_create(request, &shim, err);
	if (ret < 0)
		return ret;
	if (opts->pidfd_socket)
		ret = outside_send_pidfd(opts->pidfd_socket, shim, err);
	if (ret == 0)
		ret = sandbox_start(globals->root_abs, request->id, err);
	if (ret == 0 && opts->detach)
		return 0;
	if (ret == 0)
		ret = foreground_wait(fg, (pid_t)shim, err);
	if (ret < 0 || !opts->keep)
		clean_up(globals, request->id);
	return ret;
}

static int run(const struct globals *globals, const void *options, int argc, char **argv,
	       struct error *err)
{
	const struct run_options *opts = options;
	struct create_request request = {
		.root = globals->root_abs,
		.id = argv[0],
		.bundle = opts->bundle,
		.pid_file = opts->pid_file,
		.console_socket = opts->console_socket,
		.config = globals->config,
		.strict = opts->strict,
		.detach = opts->detach,
	};
	struct foreground fg = { .signal_fd = -1, .interrupt_fd = -1 };
	int ret = outside_check_preserved(opts->preserve_fds, err);

	(void)argc;
	if (ret == 0)
		ret = globals_cgroup_manager(globals, &request.cgroup_manager, err);
	if (ret < 0)
		return ret;
	if (opts->detach)
		ret = fg.interrupt_fd = foreground_interrupt_fd(err);
	else
		ret = foreground_begin(&fg, err);
	if (ret >= 0)
		ret = run_container(globals, opts, &request, &fg, err);
	foreground_end(&fg);
	return ret;
}

static const struct command_example examples[] = {
	{ "acrun run web", "run the bundle in the current directory" },
	{ "acrun run -d -b /srv/web --pid-file web.pid web", "in the background" },
	{ NULL, NULL },
};

const struct command command_run = {
	.name = "run",
	.operands = "<container-id>",
	.summary = "create and start a container, and wait for its end",
	.examples = examples,
	.options = { rows, sizeof(rows) / sizeof(rows[0]), false },
	.options_size = sizeof(struct run_options),
	.min_args = 1,
	.max_args = 1,
	.run = run,
	.prefix = true,
};
