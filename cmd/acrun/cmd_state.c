#include "cmd/acrun/command.h"

#include <errno.h>
#include <stdio.h>
#include "cmd/acrun/owner.h"
#include "runtime/sandbox/store.h"

struct state_options {
	bool help;
};

static const struct option_row rows[] = {
	{ "help", 'h', OPTION_FLAG, offsetof(struct state_options, help), NULL, "show help" },
};

static int run(const struct globals *globals, const void *options, int argc, char **argv,
	       struct error *err)
{
	auto_record struct record rec = RECORD_INIT;
	auto_strbuf struct strbuf text = { 0 };
	char owner[OWNER_MAX];
	struct oci_state state;
	int ret = record_peek(&rec, globals->root_abs, argv[0], err);

	(void)options;
	(void)argc;
	if (ret < 0)
		return ret;
	owner_name(rec.state.owner_uid, owner);
	record_to_oci_state(&rec.state, owner, &state);
	ret = oci_state_format(&state, &text);
	if (ret < 0)
		return err_set(err, ret, "print the state of '%s'", argv[0]);
	return puts(strbuf_str(&text)) < 0 ? err_msg(err, -EIO, "write to stdout failed") : 0;
}

const struct command command_state = {
	.name = "state",
	.operands = "<container-id>",
	.summary = "print the state of a container as JSON",
	.options = { rows, sizeof(rows) / sizeof(rows[0]), false },
	.options_size = sizeof(struct state_options),
	.min_args = 1,
	.max_args = 1,
	.run = run,
};
