#include "cmd/acrun/command.h"

#include <errno.h>
#include "runtime/sandbox/checkpoint.h"

#define DEFAULT_IMAGE_PATH "checkpoint"

struct checkpoint_options {
	bool help;
	bool leave_running;
	bool pre_dump;
	bool lazy_pages;
	const char *image_path;
	const char *parent_path;
	const char *page_server;
};

static const struct option_row rows[] = {
	{ "help", 'h', OPTION_FLAG, offsetof(struct checkpoint_options, help), NULL, "show help" },
	{ "image-path", 0, OPTION_STRING, offsetof(struct checkpoint_options, image_path), "DIR",
	  "where the checkpoint goes (default: ./" DEFAULT_IMAGE_PATH ")" },
	{ "leave-running", 0, OPTION_FLAG, offsetof(struct checkpoint_options, leave_running), NULL,
	  "let the container go on afterwards" },
	{ "pre-dump", 0, OPTION_FLAG, offsetof(struct checkpoint_options, pre_dump), NULL,
	  "refused: the memory is saved as a whole" },
	{ "parent-path", 0, OPTION_STRING, offsetof(struct checkpoint_options, parent_path), "DIR",
	  "refused: the memory is saved as a whole" },
	{ "lazy-pages", 0, OPTION_FLAG, offsetof(struct checkpoint_options, lazy_pages), NULL,
	  "refused: there is no server for pages" },
	{ "page-server", 0, OPTION_STRING, offsetof(struct checkpoint_options, page_server),
	  "ADDRESS:PORT", "refused: there is no server for pages" },
	{ "work-path", 0, OPTION_IGNORED, 0, "DIR", "accepted for compatibility" },
	{ "status-fd", 0, OPTION_IGNORED, 0, "N", "accepted for compatibility" },
	{ "tcp-established", 0, OPTION_IGNORED, 0, NULL,
	  "accepted: connections are saved with the guest's kernel" },
	{ "tcp-skip-in-flight", 0, OPTION_IGNORED, 0, NULL, "accepted for compatibility" },
	{ "link-remap", 0, OPTION_IGNORED, 0, NULL, "accepted: deleted files are saved too" },
	{ "ext-unix-sk", 0, OPTION_IGNORED, 0, NULL, "accepted for compatibility" },
	{ "shell-job", 0, OPTION_IGNORED, 0, NULL, "accepted: terminals are saved too" },
	{ "file-locks", 0, OPTION_IGNORED, 0, NULL, "accepted: locks are saved too" },
	{ "manage-cgroups-mode", 0, OPTION_IGNORED, 0, "MODE", "accepted for compatibility" },
	{ "empty-ns", 0, OPTION_IGNORED, 0, "NAMESPACE", "accepted for compatibility" },
	{ "auto-dedup", 0, OPTION_IGNORED, 0, NULL, "accepted for compatibility" },
};

static int refuse(const char *option, const char *why, struct error *err)
{
	return err_msg(err, -ENOTSUP, "--%s cannot be had: %s", option, why);
}

static int run(const struct globals *globals, const void *options, int argc, char **argv,
	       struct error *err)
{
	static const char *const whole =
		"the memory of a virtual machine is saved as a whole, in one go";
	static const char *const local = "the checkpoint is written to files, by one process";
	const struct checkpoint_options *opts = options;
	const struct checkpoint_request request = {
		.root = globals->root_abs,
		.id = argv[0],
		.image_path = opts->image_path ? opts->image_path : DEFAULT_IMAGE_PATH,
		.leave_running = opts->leave_running,
	};

	(void)argc;
	if (opts->pre_dump)
		return refuse("pre-dump", whole, err);
	if (opts->parent_path)
		return refuse("parent-path", whole, err);
	if (opts->lazy_pages)
		return refuse("lazy-pages", local, err);
	if (opts->page_server)
		return refuse("page-server", local, err);
	return sandbox_checkpoint(&request, err);
}

static const struct command_example examples[] = {
	{ "acrun checkpoint --image-path /srv/web.ckpt web", "save the container web and end it" },
	{ "acrun checkpoint --leave-running --image-path /srv/web.ckpt web", "save it as it runs" },
	{ NULL, NULL },
};

const struct command command_checkpoint = {
	.name = "checkpoint",
	.operands = "<container-id>",
	.summary = "save a running container, with its memory, to files",
	.examples = examples,
	.options = { rows, sizeof(rows) / sizeof(rows[0]), false },
	.options_size = sizeof(struct checkpoint_options),
	.min_args = 1,
	.max_args = 1,
	.run = run,
	.prefix = true,
};
