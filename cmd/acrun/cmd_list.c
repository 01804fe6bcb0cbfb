#include "cmd/acrun/command.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "cmd/acrun/owner.h"
#include "runtime/sandbox/store.h"

struct list_options {
	bool help;
	bool quiet;
	const char *format;
};

static const struct option_row rows[] = {
	{ "help", 'h', OPTION_FLAG, offsetof(struct list_options, help), NULL, "show help" },
	{ "format", 'f', OPTION_STRING, offsetof(struct list_options, format), "table|json",
	  "form of the output (default: table)" },
	{ "quiet", 'q', OPTION_FLAG, offsetof(struct list_options, quiet), NULL,
	  "print the ids only" },
};

enum { COLUMNS = 6, COLUMN_MIN = 12, COLUMN_GAP = 3 };

/* A table as text/tabwriter makes it: each column as wide as its widest cell plus a gap, at least
 * COLUMN_MIN. */
struct table {
	struct arena arena;
	const char *(*cells)[COLUMNS];
	size_t n_rows, cap;
};

static int table_add(struct table *table, const char *const cells[COLUMNS])
{
	if (table->n_rows == table->cap)
		return -E2BIG;
	for (size_t i = 0; i < COLUMNS; i++) {
		table->cells[table->n_rows][i] =
			arena_strdup(&table->arena, cells[i] ? cells[i] : "");
		if (!table->cells[table->n_rows][i])
			return -ENOMEM;
	}
	table->n_rows++;
	return 0;
}

static void table_print(const struct table *table)
{
	size_t widths[COLUMNS];

	for (size_t col = 0; col < COLUMNS; col++) {
		widths[col] = COLUMN_MIN;
		for (size_t row = 0; row < table->n_rows; row++) {
			size_t len = strlen(table->cells[row][col]) + COLUMN_GAP;

			widths[col] = len > widths[col] ? len : widths[col];
		}
	}
	for (size_t row = 0; row < table->n_rows; row++) {
		for (size_t col = 0; col + 1 < COLUMNS; col++)
			printf("%-*s", (int)widths[col], table->cells[row][col]);
		printf("%s\n", table->cells[row][COLUMNS - 1]);
	}
}

typedef int visit_fn(void *arg, const struct oci_state *state);

/* Visits every readable state; what cannot be read is reported and skipped. */
static int visit_all(const struct globals *globals, const struct json_strs *ids, visit_fn *visit,
		     void *arg)
{
	for (size_t i = 0; i < ids->len; i++) {
		auto_record struct record rec = RECORD_INIT;
		struct error err = { 0 };
		struct oci_state state;
		char owner[OWNER_MAX];
		int ret = record_peek(&rec, globals->root_abs, ids->items[i], &err);

		if (ret == -ENOENT || ret == -ENODATA)
			continue;
		if (ret < 0) {
			fprintf(stderr, "load container %s: %s\n", ids->items[i], err.text);
			continue;
		}
		owner_name(rec.state.owner_uid, owner);
		record_to_oci_state(&rec.state, owner, &state);
		ret = visit(arg, &state);
		if (ret < 0)
			return ret;
	}
	return 0;
}

static int visit_quiet(void *arg, const struct oci_state *state)
{
	(void)arg;
	return puts(state->id) < 0 ? -EIO : 0;
}

static int visit_table(void *arg, const struct oci_state *state)
{
	char pid[24];
	const char *cells[COLUMNS] = {
		state->id,	pid,	     oci_status_name(state->status), state->bundle,
		state->created, state->owner
	};

	snprintf(pid, sizeof(pid), "%lld", (long long)state->pid);
	return table_add(arg, cells);
}

static int visit_json(void *arg, const struct oci_state *state)
{
	struct strbuf *text = arg;

	strbuf_adds(text, text->len ? "," : "[");
	return json_encode(&oci_state_type, state, 0, text);
}

static int list_table(const struct globals *globals, const struct json_strs *ids)
{
	static const char *const head[COLUMNS] = { "ID",     "PID",	"STATUS",
						   "BUNDLE", "CREATED", "OWNER" };
	struct table table = { .cap = ids->len + 1 };
	int ret = -ENOMEM;

	table.cells = arena_calloc(&table.arena, table.cap, sizeof(*table.cells));
	if (table.cells)
		ret = table_add(&table, head);
	if (ret == 0)
		ret = visit_all(globals, ids, visit_table, &table);
	if (ret == 0)
		table_print(&table);
	arena_done(&table.arena);
	return ret;
}

static int list_json(const struct globals *globals, const struct json_strs *ids)
{
	auto_strbuf struct strbuf text = { 0 };
	int ret = visit_all(globals, ids, visit_json, &text);

	if (text.len > 0)
		strbuf_addc(&text, ']');
	if (ret == 0)
		ret = strbuf_error(&text);
	if (ret == 0)
		puts(text.len > 0 ? text.data : "null");
	return ret;
}

static int run(const struct globals *globals, const void *options, int argc, char **argv,
	       struct error *err)
{
	const struct list_options *opts = options;
	auto_arena struct arena arena = { 0 };
	struct json_strs ids;
	int ret = store_list(globals->root_abs, &arena, &ids, err);

	(void)argc;
	(void)argv;
	if (ret == -ENOENT && globals->root_is_default)
		ret = 0;
	if (ret < 0)
		return ret;
	if (opts->quiet)
		ret = visit_all(globals, &ids, visit_quiet, NULL);
	else if (!opts->format || !strcmp(opts->format, "table"))
		ret = list_table(globals, &ids);
	else if (!strcmp(opts->format, "json"))
		ret = list_json(globals, &ids);
	else
		return err_msg(err, -EINVAL, "invalid format option: %s (use table or json)",
			       opts->format);
	return ret < 0 ? err_set(err, ret, "list containers") : 0;
}

static const struct command_example examples[] = {
	{ "acrun list -q", "only the ids" },
	{ "acrun list -f json | jq -r \".[].status\"", "for scripts" },
	{ NULL, NULL },
};

const struct command command_list = {
	.name = "list",
	.operands = "",
	.summary = "list the containers under the root",
	.examples = examples,
	.options = { rows, sizeof(rows) / sizeof(rows[0]), false },
	.options_size = sizeof(struct list_options),
	.min_args = 0,
	.max_args = 0,
	.run = run,
};
