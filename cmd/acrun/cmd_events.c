#include "cmd/acrun/command.h"

#include <errno.h>
#include <stdio.h>
#include "base/units.h"
#include "runtime/sandbox/control.h"

struct events_options {
	bool help;
	bool stats;
	const char *interval;
};

static const struct option_row rows[] = {
	{ "help", 'h', OPTION_FLAG, offsetof(struct events_options, help), NULL, "show help" },
	{ "interval", 0, OPTION_STRING, offsetof(struct events_options, interval), "DURATION",
	  "time between two lines of statistics (default: 5s)" },
	{ "stats", 0, OPTION_FLAG, offsetof(struct events_options, stats), NULL,
	  "print the statistics of now and exit" },
};

/* A reader that has gone ends it. */
static bool print_line(void *arg, const char *line)
{
	(void)arg;
	return puts(line) >= 0 && fflush(stdout) == 0;
}

static int run(const struct globals *globals, const void *options, int argc, char **argv,
	       struct error *err)
{
	const struct events_options *opts = options;
	const char *interval = opts->interval ? opts->interval : "5s";
	int64_t interval_ms;

	(void)argc;
	if (units_parse_duration_ms(interval, &interval_ms) < 0)
		return err_msg(err, -EINVAL, "invalid value \"%s\" for flag -interval", interval);
	if (interval_ms <= 0)
		return err_msg(err, -EINVAL, "duration interval must be greater than 0");
	return sandbox_events(globals->root_abs, argv[0], opts->stats ? 0 : interval_ms, print_line,
			      NULL, err);
}

const struct command command_events = {
	.name = "events",
	.operands = "<container-id>",
	.summary = "tell a container's statistics and out-of-memory kills, as lines of JSON",
	.options = { rows, sizeof(rows) / sizeof(rows[0]), false },
	.options_size = sizeof(struct events_options),
	.min_args = 1,
	.max_args = 1,
	.run = run,
};
