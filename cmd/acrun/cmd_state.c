#include "cmd/acrun/command.h"

#include <errno.h>
#include <stdio.h>
#include "cmd/acrun/owner.h"
#include "runtime/sandbox/store.h"
#include "runtime/sandbox/timing.h"

struct state_options {
	bool help;
	bool timing;
};

static const struct option_row rows[] = {
	{ "help", 'h', OPTION_FLAG, offsetof(struct state_options, help), NULL, "show help" },
	{ "timing", 0, OPTION_FLAG, offsetof(struct state_options, timing), NULL,
	  "print how long the phases of its commands took, in microseconds" },
};

static int format_state(const struct record_state *record, struct strbuf *text, struct error *err)
{
	char owner[OWNER_MAX];
	struct oci_state state;
	int ret;

	owner_name(record->owner_uid, owner);
	record_to_oci_state(record, owner, &state);
	ret = oci_state_format(&state, text);
	return ret < 0 ? err_set(err, ret, "print the state of '%s'", record->id) : 0;
}

static int run(const struct globals *globals, const void *options, int argc, char **argv,
	       struct error *err)
{
	const struct state_options *opts = options;
	auto_record struct record rec = RECORD_INIT;
	auto_strbuf struct strbuf text = { 0 };
	int ret = record_peek(&rec, globals->root_abs, argv[0], err);

	(void)argc;
	if (ret < 0)
		return ret;
	if (opts->timing)
		ret = timing_format(rec.dir_fd, rec.state.id, &text, err);
	else
		ret = format_state(&rec.state, &text, err);
	if (ret < 0)
		return ret;
	return puts(strbuf_str(&text)) < 0 ? err_msg(err, -EIO, "write to stdout failed") : 0;
}

static const struct command_example examples[] = {
	{ "acrun state web | jq -r .status", "what it does" },
	{ "acrun state --timing web", "where the time has gone" },
	{ NULL, NULL },
};

const struct command command_state = {
	.name = "state",
	.operands = "<container-id>",
	.summary = "print the state of a container as JSON",
	.examples = examples,
	.options = { rows, sizeof(rows) / sizeof(rows[0]), false },
	.options_size = sizeof(struct state_options),
	.min_args = 1,
	.max_args = 1,
	.run = run,
};
