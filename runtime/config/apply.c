/* One file's keys into the struct: checked against the table, remembered with their origin. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "base/parse.h"
#include "runtime/config/keys.h"
#include "runtime/config/nearest.h"

struct applier {
	const char *file;
	struct arena *arena;
	struct config *cfg;
};

/* Where a key stands, for messages and for assigning. */
struct target {
	const struct applier *ap;
	const struct config_table *table;
	const struct config_key *key;
	unsigned line;
};

/* What kata's words are for a table of the wrong kind. */
static const struct {
	const char *family;
	const char *text;
} families[] = {
	{ "agent", "agent type is not supported" },
	{ "proxy", "proxy type not supported" },
	{ "shim", "shim is not supported" },
	{ "hypervisor", "hypervisor is not supported" },
};

static bool is_inside(const char *name, size_t len, const char *table)
{
	return strncmp(table, name, len) == 0 && table[len] == '.';
}

/* The table called by the first len bytes of name. */
static const struct config_table *find_table(const char *name, size_t len)
{
	for (const struct config_table *t = config_tables(); t->name; t++) {
		if (strlen(t->name) == len && strncmp(t->name, name, len) == 0)
			return t;
	}
	return NULL;
}

static int unknown_table(const struct applier *ap, const char *name, size_t len, unsigned line,
			 struct error *err)
{
	char word[NEAREST_MAX_LEN + 1];
	struct nearest near = { .word = word };
	const char *dot = memchr(name, '.', len);

	if (len > NEAREST_MAX_LEN)
		return err_msg(err, -EINVAL, "%s:%u: unknown table [%.*s...]", ap->file, line,
			       NEAREST_MAX_LEN, name);
	memcpy(word, name, len);
	word[len] = '\0';
	for (const struct config_table *t = config_tables(); t->name; t++)
		nearest_offer(&near, t->name);
	if (near.best)
		return err_msg(err, -EINVAL, "%s:%u: unknown table [%s] (did you mean [%s]?)",
			       ap->file, line, word, near.best);
	for (size_t i = 0; dot && i < sizeof(families) / sizeof(families[0]); i++) {
		if (strlen(families[i].family) == (size_t)(dot - name) &&
		    strncmp(families[i].family, name, (size_t)(dot - name)) == 0)
			return err_msg(err, -EINVAL, "%s:%u: [%s]: %s %s", ap->file, line, word,
				       word + (dot - name) + 1, families[i].text);
	}
	return err_msg(err, -EINVAL, "%s:%u: unknown table [%s]", ap->file, line, word);
}

static int visit_table(void *arg, const char *name, unsigned line, struct error *err)
{
	size_t len = strlen(name);

	if (find_table(name, len))
		return 0;
	for (const struct config_table *t = config_tables(); t->name; t++) {
		if (is_inside(name, len, t->name))
			return 0;
	}
	return unknown_table(arg, name, len, line, err);
}

static int unknown_key(const struct applier *ap, const struct config_table *table, const char *name,
		       unsigned line, struct error *err)
{
	struct nearest near = { .word = name };
	const char *elsewhere = NULL;

	for (size_t i = 0; i < table->n_keys; i++)
		nearest_offer(&near, table->keys[i].name);
	for (const struct config_table *t = config_tables(); t->name; t++) {
		for (size_t i = 0; i < t->n_keys; i++) {
			if (!elsewhere && strcmp(t->keys[i].name, name) == 0)
				elsewhere = t->name;
		}
	}
	err_msg(err, -EINVAL, "%s:%u: unknown key '%.64s' in [%s]", ap->file, line, name,
		table->name);
	if (near.best)
		return err_hint(err, "did you mean '%s'?", near.best);
	if (elsewhere)
		return err_hint(err, "it belongs to [%s]", elsewhere);
	return -EINVAL;
}

/* --- values --- */

static const char *kind_name(enum toml_kind kind)
{
	static const char *const names[] = {
		[TOML_STR] = "a string",   [TOML_INT] = "an integer",
		[TOML_BOOL] = "a boolean", [TOML_FLOAT] = "a floating point number",
		[TOML_STRS] = "an array",  [TOML_OTHER] = "something else",
	};

	return names[kind];
}

/* "FILE:LINE: [table] key: " goes before what is said; where no line is, who asked. */
static int refuse(const struct target *t, struct error *err)
{
	if (!t->line)
		return err_ctx(err, "%s", t->ap->file);
	return err_ctx(err, "%s:%u: [%s] %s", t->ap->file, t->line, t->table->name, t->key->name);
}

static int set_text(const struct target *t, const char *text, struct error *err)
{
	const char **member = config_member(t->ap->cfg, t->table, t->key);

	for (const char *p = text; *p; p++) {
		if ((unsigned char)*p < ' ' || *p == 0x7f) {
			err_msg(err, -EINVAL, "control characters are not allowed");
			return refuse(t, err);
		}
	}
	if (t->key->kind == CONFIG_PATH && *text && *text != '/') {
		err_msg(err, -EINVAL, "'%s' is not an absolute path", text);
		return refuse(t, err);
	}
	*member = arena_strdup(t->ap->arena, text);
	return *member ? 0 : err_set(err, -ENOMEM, "read '%s'", t->ap->file);
}

static int set_list(const struct target *t, const char *const *strs, size_t n, struct error *err)
{
	const char ***member = config_member(t->ap->cfg, t->table, t->key);
	const char **list = arena_calloc(t->ap->arena, n + 1, sizeof(*list));

	for (size_t i = 0; list && i < n; i++) {
		list[i] = arena_strdup(t->ap->arena, strs[i]);
		if (!list[i])
			list = NULL;
	}
	if (!list)
		return err_set(err, -ENOMEM, "read '%s'", t->ap->file);
	*member = list;
	return 0;
}

static int set_word(const struct target *t, const char *text, struct error *err)
{
	struct nearest near = { .word = text };
	const char **member = config_member(t->ap->cfg, t->table, t->key);
	char known[256] = "";
	size_t len = 0;

	for (const char *const *w = t->key->words; *w; w++) {
		if (strcmp(*w, text) == 0) {
			*member = *w;
			return 0;
		}
		nearest_offer(&near, *w);
		if (len < sizeof(known))
			len += (size_t)snprintf(known + len, sizeof(known) - len, "%s%s",
						len ? ", " : "", *w);
	}
	err_msg(err, -EINVAL, "invalid value '%.64s' (known are: %s)", text, known);
	if (near.best)
		err_hint(err, "did you mean '%s'?", near.best);
	return refuse(t, err);
}

static uint32_t host_vcpus(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	return n < 1 ? 1 : (uint32_t)n;
}

static int set_number(const struct target *t, int64_t number, struct error *err)
{
	uint32_t *member = config_member(t->ap->cfg, t->table, t->key);
	uint32_t host;

	if (number == 0 && t->key->zero) {
		err_msg(err, -EINVAL, "%s", t->key->zero);
		return refuse(t, err);
	}
	if (number < t->key->min || number > t->key->max) {
		err_msg(err, -EINVAL, "%" PRId64 " is not between %" PRId64 " and %" PRId64, number,
			t->key->min, t->key->max);
		return refuse(t, err);
	}
	if (t->key->kind == CONFIG_VCPUS) {
		host = host_vcpus();
		*member = number < 0 || number > host ? host : (uint32_t)number;
		return 0;
	}
	*member = (uint32_t)number;
	return 0;
}

static int set_value(const struct target *t, const struct toml_value *value, struct error *err)
{
	enum toml_kind wanted = config_toml_kind(t->key->kind);

	if (t->key->kind == CONFIG_SWITCH && value->kind == TOML_BOOL)
		return set_word(t, value->boolean ? "true" : "false", err);
	if (value->kind != wanted) {
		err_msg(err, -EINVAL, "expected %s, got %s", kind_name(wanted),
			kind_name(value->kind));
		return refuse(t, err);
	}
	if (wanted == TOML_INT)
		return set_number(t, value->integer, err);
	if (wanted == TOML_STRS)
		return set_list(t, value->strs, value->n_strs, err);
	if (wanted == TOML_BOOL) {
		*(bool *)config_member(t->ap->cfg, t->table, t->key) = value->boolean;
		return 0;
	}
	if (t->key->words)
		return set_word(t, value->str, err);
	return set_text(t, value->str, err);
}

/* The table that a dotted key stands in; *name becomes the rest behind it. */
static const struct config_table *split_key(const char *dotted, const char **name)
{
	for (const struct config_table *t = config_tables(); t->name; t++) {
		size_t len = strlen(t->name);

		if (strncmp(dotted, t->name, len) == 0 && dotted[len] == '.') {
			*name = dotted + len + 1;
			return t;
		}
	}
	return NULL;
}

static int visit_key(void *arg, const char *dotted, const struct toml_value *value,
		     struct error *err)
{
	const struct applier *ap = arg;
	const char *dot = strrchr(dotted, '.');
	const char *name = dotted;
	struct target t = { .ap = ap, .table = split_key(dotted, &name), .line = value->line };

	if (!t.table && !dot)
		return err_msg(err, -EINVAL, "%s:%u: key '%.64s' stands before any [table]",
			       ap->file, value->line, dotted);
	if (!t.table)
		return unknown_table(ap, dotted, (size_t)(dot - dotted), value->line, err);
	for (size_t i = 0; i < t.table->n_keys; i++) {
		int ret;

		t.key = &t.table->keys[i];
		if (strcmp(t.key->name, name) != 0)
			continue;
		ret = set_value(&t, value, err);
		if (ret == 0)
			ap->cfg->origins[config_key_index(t.table, i)] =
				(struct config_origin){ .file = ap->file, .line = value->line };
		return ret;
	}
	return unknown_key(ap, t.table, name, value->line, err);
}

int config_apply(const char *file, const char *text, size_t len, struct arena *arena,
		 struct config *cfg, struct error *err)
{
	struct applier ap = { .file = arena_strdup(arena, file), .arena = arena, .cfg = cfg };

	if (!ap.file)
		return err_set(err, -ENOMEM, "read '%s'", file);
	return toml_visit(ap.file, text, len, visit_key, visit_table, &ap, err);
}

static bool parse_value(enum toml_kind kind, const char *text, struct toml_value *value)
{
	*value = (struct toml_value){ .kind = kind, .str = text };
	if (kind == TOML_BOOL) {
		value->boolean = !strcmp(text, "true");
		return value->boolean || !strcmp(text, "false");
	}
	return kind == TOML_STR || (kind == TOML_INT && parse_i64(text, &value->integer) == 0);
}

int config_set(struct config *cfg, struct arena *arena, const struct config_table *table, size_t i,
	       const char *origin, const char *text, struct error *err)
{
	const struct applier ap = { .file = origin, .arena = arena, .cfg = cfg };
	const struct target t = { .ap = &ap, .table = table, .key = &table->keys[i] };
	enum toml_kind kind = config_toml_kind(t.key->kind);
	struct toml_value value;
	int ret;

	if (!parse_value(kind, text, &value))
		return err_msg(err, -EINVAL, "%s: '%.64s' is not %s", origin, text,
			       kind_name(kind));
	ret = set_value(&t, &value, err);
	if (ret == 0)
		cfg->origins[config_key_index(table, i)] = (struct config_origin){ .file = origin };
	return ret;
}

static void fill_default(struct config *cfg, const struct config_table *table,
			 const struct config_key *key)
{
	static const char *const nothing[] = { NULL };
	void *member = config_member(cfg, table, key);
	enum toml_kind kind = config_toml_kind(key->kind);

	if (kind == TOML_INT)
		*(uint32_t *)member = (uint32_t)key->number;
	else if (kind == TOML_BOOL)
		*(bool *)member = key->number != 0;
	else if (kind == TOML_STRS)
		*(const char *const **)member = nothing;
	else
		*(const char **)member = key->text ? key->text : "";
}

int config_fill_defaults(struct arena *arena, struct config *cfg, struct error *err)
{
	for (const struct config_table *t = config_tables(); t->name; t++) {
		for (size_t i = 0; i < t->n_keys; i++)
			fill_default(cfg, t, &t->keys[i]);
	}
	cfg->origins = arena_calloc(arena, config_key_count(), sizeof(*cfg->origins));
	return cfg->origins ? 0 : err_set(err, -ENOMEM, "fill in the default configuration");
}
