#include "cmd/acrun/command.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>
#include "base/cleanup.h"
#include "base/fs.h"
#include "cmd/acrun/spec_text.h"

#define FILE_NAME "config.json"

struct spec_options {
	bool help;
	bool rootless;
	const char *bundle;
};

static const struct option_row rows[] = {
	{ "help", 'h', OPTION_FLAG, offsetof(struct spec_options, help), NULL, "show help" },
	{ "bundle", 'b', OPTION_STRING, offsetof(struct spec_options, bundle), "DIR",
	  "the bundle (default: current directory)" },
	{ "rootless", 0, OPTION_FLAG, offsetof(struct spec_options, rootless), NULL,
	  "for a container without root's privileges" },
};

static int run(const struct globals *globals, const void *options, int argc, char **argv,
	       struct error *err)
{
	const struct spec_options *opts = options;
	const char *bundle = opts->bundle ? opts->bundle : ".";
	auto_close int dir_fd = fs_open_dir_at(AT_FDCWD, bundle);
	auto_strbuf struct strbuf text = { 0 };
	auto_close int fd = -1;
	int ret;

	(void)globals;
	(void)argc;
	(void)argv;
	if (dir_fd < 0)
		return err_set(err, dir_fd, "open the bundle '%s'", bundle);
	ret = spec_text(opts->rootless, &text);
	if (ret < 0)
		return err_set(err, ret, "write '" FILE_NAME "'");
	fd = openat(dir_fd, FILE_NAME, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (fd < 0 && errno == EEXIST)
		return err_msg(err, -EEXIST, "File " FILE_NAME " exists. Remove it first");
	if (fd < 0)
		return err_set(err, -errno, "make '%s/" FILE_NAME "'", bundle);
	ret = fs_write_all(fd, text.data, text.len);
	if (ret == 0)
		return 0;
	(void)unlinkat(dir_fd, FILE_NAME, 0);
	return err_set(err, ret, "write '%s/" FILE_NAME "'", bundle);
}

static const struct command_example examples[] = {
	{ "acrun spec --bundle /srv/web", "then put its files into /srv/web/rootfs" },
	{ NULL, NULL },
};

const struct command command_spec = {
	.name = "spec",
	.operands = "",
	.summary = "write a config.json to start from",
	.examples = examples,
	.options = { rows, sizeof(rows) / sizeof(rows[0]), false },
	.options_size = sizeof(struct spec_options),
	.min_args = 0,
	.max_args = 0,
	.run = run,
};
