#include "cmd/acrun/command.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>
#include "base/fs.h"
#include "base/parse.h"
#include "runtime/sandbox/console_log.h"

struct logs_options {
	bool help;
	bool follow;
	const char *tail;
};

static const struct option_row rows[] = {
	{ "help", 'h', OPTION_FLAG, offsetof(struct logs_options, help), NULL, "show help" },
	{ "follow", 'f', OPTION_FLAG, offsetof(struct logs_options, follow), NULL,
	  "go on until the machine ends" },
	{ "tail", 'n', OPTION_STRING, offsetof(struct logs_options, tail), "LINES",
	  "begin with the last LINES lines (default: all)" },
};

/* The guest is not trusted: a terminal gets nothing that could command it. */
static void make_harmless(char *data, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if ((data[i] < ' ' || data[i] > '~') && !memchr("\n\t\r", data[i], 3))
			data[i] = '?';
}

static int print(void *arg, const char *data, size_t len)
{
	const bool *is_tty = arg;
	char piece[4096];

	while (len > 0) {
		size_t n = len < sizeof(piece) ? len : sizeof(piece);
		int ret;

		memcpy(piece, data, n);
		if (*is_tty)
			make_harmless(piece, n);
		ret = fs_write_all(STDOUT_FILENO, piece, n);
		if (ret < 0)
			return ret;
		data += n;
		len -= n;
	}
	return 0;
}

static int run(const struct globals *globals, const void *options, int argc, char **argv,
	       struct error *err)
{
	const struct logs_options *opts = options;
	bool is_tty = isatty(STDOUT_FILENO);
	uint32_t lines = UINT32_MAX;
	int ret;

	(void)argc;
	if (opts->tail && strcmp(opts->tail, "all") != 0 && parse_u32(opts->tail, &lines) < 0)
		return err_msg(err, -EINVAL, "invalid value \"%s\" for flag -tail: not a number",
			       opts->tail);
	ret = console_log_read(globals->root_abs, argv[0], lines == UINT32_MAX ? SIZE_MAX : lines,
			       opts->follow, print, &is_tty, err);
	return ret < 0 && !err->code ? err_set(err, ret, "write to stdout") : ret;
}

static const struct command_example examples[] = {
	{ "acrun logs web", "what the guest's kernel and agent have said" },
	{ "acrun logs -f -n 20 web", "the last 20 lines, and what follows" },
	{ NULL, NULL },
};

const struct command command_logs = {
	.name = "logs",
	.operands = "<container-id>",
	.summary = "print the console of the machine that a container runs in",
	.examples = examples,
	.options = { rows, sizeof(rows) / sizeof(rows[0]), false },
	.options_size = sizeof(struct logs_options),
	.min_args = 1,
	.max_args = 1,
	.run = run,
};
