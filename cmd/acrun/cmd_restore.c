#include "cmd/acrun/command.h"

#include <errno.h>
#include "base/log.h"
#include "cmd/acrun/foreground.h"
#include "runtime/sandbox/checkpoint.h"

#define DEFAULT_IMAGE_PATH "checkpoint"

struct restore_options {
	bool help;
	bool detach;
	bool keep;
	bool lazy_pages;
	const char *bundle;
	const char *image_path;
	const char *console_socket;
	const char *pid_file;
};

static const struct option_row rows[] = {
	{ "help", 'h', OPTION_FLAG, offsetof(struct restore_options, help), NULL, "show help" },
	{ "bundle", 'b', OPTION_STRING, offsetof(struct restore_options, bundle), "DIR",
	  "the bundle (default: current directory)" },
	{ "image-path", 0, OPTION_STRING, offsetof(struct restore_options, image_path), "DIR",
	  "where the checkpoint is (default: ./" DEFAULT_IMAGE_PATH ")" },
	{ "console-socket", 0, OPTION_STRING, offsetof(struct restore_options, console_socket),
	  "PATH", "socket that gets the terminal's master" },
	{ "detach", 'd', OPTION_FLAG, offsetof(struct restore_options, detach), NULL,
	  "return once the container runs" },
	{ "keep", 0, OPTION_FLAG, offsetof(struct restore_options, keep), NULL,
	  "do not delete the container after it exited" },
	{ "pid-file", 0, OPTION_STRING, offsetof(struct restore_options, pid_file), "FILE",
	  "write the container's pid to FILE" },
	{ "lazy-pages", 0, OPTION_FLAG, offsetof(struct restore_options, lazy_pages), NULL,
	  "refused: there is no server for pages" },
	{ "work-path", 0, OPTION_IGNORED, 0, "DIR", "accepted for compatibility" },
	{ "no-subreaper", 0, OPTION_IGNORED, 0, NULL, "accepted for compatibility" },
	{ "no-pivot", 0, OPTION_IGNORED, 0, NULL, "accepted for compatibility" },
	{ "tcp-established", 0, OPTION_IGNORED, 0, NULL,
	  "accepted: connections are saved with the guest's kernel" },
	{ "ext-unix-sk", 0, OPTION_IGNORED, 0, NULL, "accepted for compatibility" },
	{ "shell-job", 0, OPTION_IGNORED, 0, NULL, "accepted: terminals are saved too" },
	{ "file-locks", 0, OPTION_IGNORED, 0, NULL, "accepted: locks are saved too" },
	{ "manage-cgroups-mode", 0, OPTION_IGNORED, 0, "MODE", "accepted for compatibility" },
	{ "empty-ns", 0, OPTION_IGNORED, 0, "NAMESPACE", "accepted for compatibility" },
	{ "auto-dedup", 0, OPTION_IGNORED, 0, NULL, "accepted for compatibility" },
	{ "lsm-profile", 0, OPTION_IGNORED, 0, "PROFILE", "accepted for compatibility" },
	{ "lsm-mount-context", 0, OPTION_IGNORED, 0, "CONTEXT", "accepted for compatibility" },
};

static int restore_container(const struct globals *globals, const struct restore_options *opts,
			     struct create_request *request, struct foreground *fg,
			     struct error *err)
{
	struct error undo = { 0 };
	int64_t shim = 0;
	int ret;

	request->interrupt_fd = fg->interrupt_fd;
	ret = sandbox_restore(request, &shim, err);
	if (ret < 0 || opts->detach)
		return ret;
	ret = foreground_wait(fg, (pid_t)shim, err);
	if ((ret < 0 || !opts->keep) &&
	    sandbox_delete(globals->root_abs, request->id, true, &undo) < 0)
		log_warning("%s", undo.text);
	return ret;
}

static int run(const struct globals *globals, const void *options, int argc, char **argv,
	       struct error *err)
{
	const struct restore_options *opts = options;
	struct create_request request = {
		.root = globals->root_abs,
		.id = argv[0],
		.bundle = opts->bundle,
		.pid_file = opts->pid_file,
		.console_socket = opts->console_socket,
		.config = globals->config,
		.detach = opts->detach,
		.image_path = opts->image_path ? opts->image_path : DEFAULT_IMAGE_PATH,
	};
	struct foreground fg = { .signal_fd = -1, .interrupt_fd = -1 };
	int ret;

	(void)argc;
	if (opts->lazy_pages)
		return err_msg(err, -ENOTSUP,
			       "--lazy-pages cannot be had: a checkpoint is read from files, as a "
			       "whole");
	ret = globals_cgroup_manager(globals, &request.cgroup_manager, err);
	if (ret < 0)
		return ret;
	if (opts->detach)
		ret = fg.interrupt_fd = foreground_interrupt_fd(err);
	else
		ret = foreground_begin(&fg, err);
	if (ret >= 0)
		ret = restore_container(globals, opts, &request, &fg, err);
	foreground_end(&fg);
	return ret;
}

static const struct command_example examples[] = {
	{ "acrun restore -d --image-path /srv/web.ckpt -b /srv/web web2",
	  "go on where a container was saved" },
	{ NULL, NULL },
};

const struct command command_restore = {
	.name = "restore",
	.operands = "<container-id>",
	.summary = "start a container from a checkpoint",
	.examples = examples,
	.options = { rows, sizeof(rows) / sizeof(rows[0]), false },
	.options_size = sizeof(struct restore_options),
	.min_args = 1,
	.max_args = 1,
	.run = run,
	.prefix = true,
};
