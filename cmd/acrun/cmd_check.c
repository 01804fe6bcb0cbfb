#include "cmd/acrun/command.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>
#include "cmd/acrun/colour.h"
#include "cmd/acrun/document.h"
#include "runtime/check/check.h"

struct check_options {
	bool help;
	bool boot;
	bool create;
	bool strict;
	bool toml;
	bool json;
};

static const struct option_row rows[] = {
	{ "help", 'h', OPTION_FLAG, offsetof(struct check_options, help), NULL, "show help" },
	{ "boot", 0, OPTION_FLAG, offsetof(struct check_options, boot), NULL,
	  "also boot a machine, as root" },
	{ "create", 0, OPTION_FLAG, offsetof(struct check_options, create), NULL,
	  "also have the hypervisor make an empty machine, where it can" },
	{ "strict", 's', OPTION_FLAG, offsetof(struct check_options, strict), NULL,
	  "fail on warnings too" },
	{ "toml", 0, OPTION_FLAG, offsetof(struct check_options, toml), NULL, "print TOML" },
	{ "json", 0, OPTION_FLAG, offsetof(struct check_options, json), NULL, "print JSON" },
	{ "verbose", 'v', OPTION_IGNORED, 0, NULL, "accepted for compatibility" },
	{ "no-network-checks", 'n', OPTION_IGNORED, 0, NULL, "accepted for compatibility" },
};

static const struct {
	const char *word;
	enum colour colour;
} statuses[] = {
	[HOST_CHECK_OK] = { "ok", COLOUR_GREEN },
	[HOST_CHECK_WARN] = { "warn", COLOUR_YELLOW },
	[HOST_CHECK_FAIL] = { "fail", COLOUR_RED },
};

struct output {
	struct document *doc; /* NULL: lines for people */
	unsigned counts[3];
};

static void print_line(const struct host_check *check)
{
	printf("%s%-4s%s  %-14s %s\n", colour_of(STDOUT_FILENO, statuses[check->status].colour),
	       statuses[check->status].word, colour_of(STDOUT_FILENO, COLOUR_NONE), check->name,
	       check->detail);
	if (check->status != HOST_CHECK_OK && check->remedy && *check->remedy)
		printf("      %-14s remedy: %s\n", "", check->remedy);
	(void)fflush(stdout);
}

static void add(void *arg, const struct host_check *check)
{
	struct output *output = arg;

	output->counts[check->status]++;
	if (!output->doc) {
		print_line(check);
		return;
	}
	document_open_item(output->doc);
	document_str(output->doc, "name", check->name);
	document_str(output->doc, "status", statuses[check->status].word);
	document_str(output->doc, "detail", check->detail);
	document_str(output->doc, "remedy", check->status == HOST_CHECK_OK ? "" : check->remedy);
	document_close(output->doc);
}

/* Values come before the list: TOML would take them for the last item's. */
static int check_to_document(const struct check_request *request, enum document_form form,
			     struct output *output)
{
	auto_document struct document doc = { .form = form };
	const struct host_checks checks = { .add = add, .arg = output };
	int ret;

	output->doc = &doc;
	document_open_list(&doc, "checks");
	ret = check_run(request, &checks);
	document_close_list(&doc);
	return ret < 0 ? ret : document_print(&doc);
}

static int run(const struct globals *globals, const void *options, int argc, char **argv,
	       struct error *err)
{
	const struct check_options *opts = options;
	struct output output = { 0 };
	const struct host_checks checks = { .add = add, .arg = &output };
	const struct check_request request = {
		.root = globals->root_abs,
		.config = globals->config,
		.boot = opts->boot,
		.create = opts->create,
	};
	unsigned bad;
	int ret;

	(void)argc;
	(void)argv;
	if (opts->json || opts->toml)
		ret = check_to_document(&request, opts->json ? DOCUMENT_JSON : DOCUMENT_TOML,
					&output);
	else
		ret = check_run(&request, &checks);
	if (ret < 0)
		return err_set(err, ret, "check the host");
	bad = output.counts[HOST_CHECK_FAIL] + (opts->strict ? output.counts[HOST_CHECK_WARN] : 0);
	if (bad > 0)
		return err_msg(err, -ENOTSUP, "System is not capable of running acrun");
	if (!output.doc)
		puts(opts->boot || opts->create ? "System can currently create acrun"
						: "System is capable of running acrun");
	return 0;
}

static const struct command_example examples[] = {
	{ "acrun check", "what works, what does not, and what to do about it" },
	{ "acrun check --boot", "also boot a machine" },
	{ "acrun check --json | jq '.checks[] | select(.status != \"ok\")'", "for scripts" },
	{ NULL, NULL },
};

const struct command command_check = {
	.name = "check",
	.operands = "",
	.summary = "tell whether this host can run containers in virtual machines",
	.examples = examples,
	.options = { rows, sizeof(rows) / sizeof(rows[0]), false },
	.options_size = sizeof(struct check_options),
	.min_args = 0,
	.max_args = 0,
	.run = run,
};
