#include "cmd/acrun/command.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "cmd/acrun/document.h"
#include "runtime/config/config.h"

enum { VALUE_WIDTH = 60 };

struct config_options {
	bool help;
	bool json;
};

static const struct option_row rows[] = {
	{ "help", 'h', OPTION_FLAG, offsetof(struct config_options, help), NULL, "show help" },
	{ "json", 0, OPTION_FLAG, offsetof(struct config_options, json), NULL, "show it as JSON" },
};

/* Calls `print` for every key. *table is NULL before the first one. */
typedef void print_fn(struct document *doc, const struct config_value *value, const char **table);

static int for_each_key(const struct config *config, struct arena *arena, print_fn *print,
			struct document *doc)
{
	const char *table = NULL;
	struct config_value value;
	size_t i = 0;
	int ret;

	while ((ret = config_value_at(config, i++, arena, &value)) == 0) {
		if (!table || strcmp(table, value.table) != 0)
			table = NULL;
		print(doc, &value, &table);
		table = value.table;
	}
	return ret == -ENOENT ? 0 : ret;
}

/* The output is a configuration file by itself. */
static void print_toml(struct document *doc, const struct config_value *value, const char **table)
{
	char left[VALUE_WIDTH + 1];
	int len;

	(void)doc;
	if (!*table)
		printf("\n[%s]\n", value->table);
	len = snprintf(left, sizeof(left), "%s = %s", value->key, value->value);
	if (len >= VALUE_WIDTH)
		printf("%s = %s ", value->key, value->value);
	else
		printf("%-*s", VALUE_WIDTH, left);
	if (value->file)
		printf("# %s:%u\n", value->file, value->line);
	else
		puts("# default");
}

static void print_item(struct document *doc, const struct config_value *value, const char **table)
{
	(void)table;
	document_open_item(doc);
	document_str(doc, "table", value->table);
	document_str(doc, "key", value->key);
	document_str(doc, "value", value->value);
	document_str(doc, "file", value->file);
	document_int(doc, "line", value->line);
	document_close(doc);
}

static int show_json(const struct config *config, struct arena *arena)
{
	auto_document struct document doc = { .form = DOCUMENT_JSON };
	int ret;

	document_str(&doc, "file", config->file);
	document_strs(&doc, "dropIns", config->drop_ins);
	document_open_list(&doc, "keys");
	ret = for_each_key(config, arena, print_item, &doc);
	document_close_list(&doc);
	return ret < 0 ? ret : document_print(&doc);
}

static int show_toml(const struct config *config, struct arena *arena)
{
	printf("# %s\n", config->file);
	for (const char **file = config->drop_ins; *file; file++)
		printf("# %s\n", *file);
	return for_each_key(config, arena, print_toml, NULL);
}

static int show(const struct globals *globals, const char *file, bool json, struct error *err)
{
	auto_arena struct arena arena = { 0 };
	struct config config;
	int ret = config_load(file ? file : globals->config, &arena, &config, err);

	if (ret < 0)
		return ret;
	ret = json ? show_json(&config, &arena) : show_toml(&config, &arena);
	return ret < 0 ? err_set(err, ret, "show the configuration") : 0;
}

static int check(const struct globals *globals, const char *file, struct error *err)
{
	auto_arena struct arena arena = { 0 };
	struct config config;
	int ret = config_load(file ? file : globals->config, &arena, &config, err);

	if (ret < 0)
		return ret;
	printf("%s: ok\n", config.file);
	for (const char **drop_in = config.drop_ins; *drop_in; drop_in++)
		printf("%s: ok\n", *drop_in);
	return 0;
}

static int run(const struct globals *globals, const void *options, int argc, char **argv,
	       struct error *err)
{
	const struct config_options *opts = options;
	const char *file = argc > 1 ? argv[1] : NULL;

	if (!strcmp(argv[0], "show"))
		return show(globals, file, opts->json, err);
	if (!strcmp(argv[0], "check"))
		return check(globals, file, err);
	return err_msg(err, -EINVAL, "unknown command of config: \"%s\" (use show or check)",
		       argv[0]);
}

static const struct command_example examples[] = {
	{ "acrun config show", "every key, its value, and who set it" },
	{ "acrun config check /etc/acrun/configuration.toml", "is it a valid file?" },
	{ NULL, NULL },
};

const struct command command_config = {
	.name = "config",
	.operands = "show|check [file]",
	.summary = "show the configuration in force, or check a file",
	.examples = examples,
	.options = { rows, sizeof(rows) / sizeof(rows[0]), false },
	.options_size = sizeof(struct config_options),
	.min_args = 1,
	.max_args = 2,
	.run = run,
};
