/* What a container may change of the configuration by its annotations. */
#include <errno.h>
#include <fnmatch.h>
#include <regex.h>
#include <string.h>
#include "runtime/config/keys.h"

#define FAMILY	   "io.katacontainers."
#define PREFIX	   FAMILY "config."
#define HYPERVISOR "hypervisor."
#define RUNTIME	   "runtime."

/* Names that are not those of the keys. */
static const struct {
	const char *annotation, *key;
} aliases[] = {
	{ "default_max_vcpus", "default_maxvcpus" },
};

/* No annotation may widen what annotations may do, nor where we keep what we know of the host. */
static const char *const locked[] = { "enable_annotations", "valid_hypervisor_paths" };

/* The keys of [runtime] that kata lets annotations change. */
static const char *const runtime_keys[] = { "internetworking_model", "disable_new_netns",
					    "disable_guest_seccomp", "sandbox_cgroup_only",
					    "create_container_timeout" };

struct annotator {
	struct config *cfg;
	const struct config_table *hypervisor; /* the table of the one in use */
	struct arena *arena;
	struct strvec *ignored;
};

static bool is_one_of(const char *word, const char *const *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(word, words[i]))
			return true;
	return false;
}

static const struct config_table *find_table(const char *family, const char *name)
{
	size_t len = strlen(family);

	for (const struct config_table *t = config_tables(); t->name; t++)
		if (!strncmp(t->name, family, len) && !strcmp(t->name + len, name))
			return t;
	return NULL;
}

/* Index of the key, or the number of keys. */
static size_t find_key(const struct config_table *table, const char *name)
{
	size_t i = 0;

	for (size_t a = 0; a < sizeof(aliases) / sizeof(aliases[0]); a++)
		if (!strcmp(name, aliases[a].annotation))
			name = aliases[a].key;
	while (i < table->n_keys && strcmp(table->keys[i].name, name) != 0)
		i++;
	return i;
}

/* Whole names only: "path" does not allow "ctlpath". */
static bool matches(const char *pattern, const char *name)
{
	regmatch_t whole;
	regex_t regex;
	bool found;

	if (regcomp(&regex, pattern, REG_EXTENDED) != 0)
		return false;
	found = regexec(&regex, name, 1, &whole, 0) == 0 && whole.rm_so == 0 &&
		name[whole.rm_eo] == '\0';
	regfree(&regex);
	return found;
}

static int check_allowed(const struct annotator *by, const struct hypervisor_config *hv,
			 const char *annotation, const char *name, struct error *err)
{
	for (const char *const *p = hv->enable_annotations; *p; p++)
		if (matches(*p, name))
			return 0;
	err_msg(err, -EPERM, "annotation %s is not enabled", annotation);
	return err_hint(err, "add \"%s\" to enable_annotations in [%s]", name,
			by->hypervisor->name);
}

static int check_path(const struct annotator *by, const struct hypervisor_config *hv,
		      const char *annotation, const char *path, struct error *err)
{
	for (const char *const *p = hv->valid_paths; *p; p++)
		if (fnmatch(*p, path, FNM_PATHNAME | FNM_PERIOD) == 0)
			return 0;
	err_msg(err, -EPERM, "annotation %s: '%s' is not among the allowed programs", annotation,
		path);
	return err_hint(err, "add it to valid_hypervisor_paths in [%s]", by->hypervisor->name);
}

static int ignore(const struct annotator *by, const char *annotation, const char *why)
{
	return strvec_addf(by->ignored, "annotations[\"%s\"] is not applied: %s", annotation, why);
}

/* A kernel's parameters are added to those that are there. */
static const char *with_parameters(struct arena *arena, const char *there, const char *more)
{
	return *there ? arena_printf(arena, "%s %s", there, more) : more;
}

static int set_hypervisor_key(const struct annotator *by, const struct json_pair *pair,
			      const char *name, struct error *err)
{
	struct hypervisor_config *hv = (void *)((char *)by->cfg + by->hypervisor->offset);
	size_t i = find_key(by->hypervisor, name);
	const char *value = pair->value;
	int ret = check_allowed(by, hv, pair->key, name, err);

	if (ret < 0)
		return ret;
	if (strstr(name, "_hash"))
		return err_msg(err, -EOPNOTSUPP,
			       "annotation %s: hashes are not verified here: do "
			       "it where the file is installed",
			       pair->key);
	if (i == by->hypervisor->n_keys || is_one_of(name, locked, 2))
		return ignore(by, pair->key, "acrun has no such setting");
	if (!strcmp(name, "path") && (ret = check_path(by, hv, pair->key, value, err)) < 0)
		return ret;
	if (by->hypervisor->keys[i].kind == CONFIG_ASSET && *value && *value != '/')
		return err_msg(err, -EINVAL, "annotation %s: '%s' is not an absolute path",
			       pair->key, value);
	if (!strcmp(name, "kernel_params"))
		value = with_parameters(by->arena, hv->kernel_params, value);
	if (!value)
		return err_set(err, -ENOMEM, "read the annotations");
	ret = config_set(by->cfg, by->arena, by->hypervisor, i,
			 arena_printf(by->arena, "annotation %s", pair->key), value, err);
	if (ret == 0 && !strcmp(name, "image"))
		hv->initrd = NULL;
	if (ret == 0 && !strcmp(name, "initrd"))
		hv->image = "";
	return ret;
}

static int set_runtime_key(const struct annotator *by, const struct json_pair *pair,
			   const char *name, struct error *err)
{
	const struct config_table *table = find_table("runtime", "");
	size_t n = sizeof(runtime_keys) / sizeof(runtime_keys[0]);
	size_t i = find_key(table, name);

	if (i == table->n_keys || !is_one_of(name, runtime_keys, n))
		return ignore(by, pair->key, "acrun has no such setting");
	return config_set(by->cfg, by->arena, table, i,
			  arena_printf(by->arena, "annotation %s", pair->key), pair->value, err);
}

static int apply_one(const struct annotator *by, const struct json_pair *pair, struct error *err)
{
	const char *name = pair->key + strlen(PREFIX);

	if (!strncmp(name, HYPERVISOR, strlen(HYPERVISOR)))
		return set_hypervisor_key(by, pair, name + strlen(HYPERVISOR), err);
	if (!strncmp(name, RUNTIME, strlen(RUNTIME)))
		return set_runtime_key(by, pair, name + strlen(RUNTIME), err);
	return ignore(by, pair->key, "acrun has no such setting");
}

/* "io.katacontainers.pkg.oci." is what that runtime tells itself. */
static bool is_of_no_use(const char *key)
{
	return strncmp(key, FAMILY, strlen(FAMILY)) == 0 &&
	       strncmp(key, FAMILY "pkg.oci.", strlen(FAMILY "pkg.oci.")) != 0;
}

int config_apply_annotations(struct config *cfg, const char *name,
			     const struct json_map *annotations, struct arena *arena,
			     struct strvec *ignored, struct error *err)
{
	const struct annotator by = { .cfg = cfg,
				      .hypervisor = find_table(HYPERVISOR, name),
				      .arena = arena,
				      .ignored = ignored };
	int ret = 0;

	for (size_t i = 0; i < annotations->len && ret == 0; i++)
		if (!strncmp(annotations->items[i].key, PREFIX, strlen(PREFIX)))
			ret = apply_one(&by, &annotations->items[i], err);
		else if (is_of_no_use(annotations->items[i].key))
			ret = ignore(&by, annotations->items[i].key, "acrun has no such setting");
	return ret;
}
