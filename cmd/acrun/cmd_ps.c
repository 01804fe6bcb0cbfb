#include "cmd/acrun/command.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "runtime/sandbox/control.h"

struct ps_options {
	bool help;
	const char *format;
};

static const struct option_row rows[] = {
	{ "help", 'h', OPTION_FLAG, offsetof(struct ps_options, help), NULL, "show help" },
	{ "format", 'f', OPTION_STRING, offsetof(struct ps_options, format), "table|json",
	  "a table (default), or the pids in the guest as JSON" },
};

static int run(const struct globals *globals, const void *options, int argc, char **argv,
	       struct error *err)
{
	const struct ps_options *opts = options;
	const char *format = opts->format ? opts->format : "table";
	const struct json_strs args = { .items = (const char **)argv + 1, .len = (size_t)argc - 1 };
	auto_strbuf struct strbuf text = { 0 };
	int ret;

	if (strcmp(format, "table") != 0 && strcmp(format, "json") != 0)
		return err_msg(err, -EINVAL, "invalid format option");
	ret = sandbox_ps(globals->root_abs, argv[0], !strcmp(format, "table"), &args, &text, err);
	if (ret < 0)
		return ret;
	return fputs(strbuf_str(&text), stdout) < 0 ? err_msg(err, -EIO, "write to stdout failed")
						    : 0;
}

const struct command command_ps = {
	.name = "ps",
	.operands = "<container-id> [ps options]",
	.summary = "list the processes of a container",
	.options = { rows, sizeof(rows) / sizeof(rows[0]), true },
	.options_size = sizeof(struct ps_options),
	.min_args = 1,
	.max_args = ARGS_ANY,
	.run = run,
};
