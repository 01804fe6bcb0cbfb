#include "cmd/acrun/command.h"

#include <errno.h>
#include <stdio.h>
#include "acrun_version.h"
#include "oci/features.h"

enum { INDENT = 4 };

struct features_options {
	bool help;
};

static const struct option_row rows[] = {
	{ "help", 'h', OPTION_FLAG, offsetof(struct features_options, help), NULL, "show help" },
};

static int run(const struct globals *globals, const void *options, int argc, char **argv,
	       struct error *err)
{
	static struct json_pair annotations[] = {
		{ "org.acrun.commit", ACRUN_COMMIT },
		{ "org.acrun.version", ACRUN_VERSION },
		{ "org.opencontainers.runc.checkpoint.enabled", "true" },
	};
	auto_arena struct arena arena = { 0 };
	auto_strbuf struct strbuf text = { 0 };
	struct oci_features features;
	int ret = oci_features_get(&arena, &features);

	(void)globals;
	(void)options;
	(void)argc;
	(void)argv;
	features.annotations.items = annotations;
	features.annotations.len = sizeof(annotations) / sizeof(annotations[0]);
	if (ret == 0)
		ret = json_encode(&oci_features_type, &features, INDENT, &text);
	if (ret < 0)
		return err_set(err, ret, "print the features");
	return puts(strbuf_str(&text)) < 0 ? err_msg(err, -EIO, "write to stdout failed") : 0;
}

static const struct command_example examples[] = {
	{ "acrun features | jq .linux.seccomp.actions", "what a seccomp profile may do" },
	{ NULL, NULL },
};

const struct command command_features = {
	.name = "features",
	.operands = "",
	.summary = "print which parts of the runtime specification are honoured",
	.examples = examples,
	.options = { rows, sizeof(rows) / sizeof(rows[0]), false },
	.options_size = sizeof(struct features_options),
	.min_args = 0,
	.max_args = 0,
	.run = run,
};
