/* Which files the configuration is made of, and reading them in their order. */
#include "runtime/config/config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include "acrun_version.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/proc.h"
#include "base/strbuf.h"
#include "runtime/config/keys.h"

#define FILE_NAME     "configuration.toml"
#define DROP_IN_DIR   "config.d"
#define CONF_FILE_ENV "ACRUN_CONF_FILE"

enum {
	FILE_MAX = 1 << 20,
	DROP_INS_MAX = 1000,
};

/* --- places --- */

/* Cuts "/<suffix>" off the end of path. False when path does not end so. */
static bool cut_suffix(char *path, const char *suffix)
{
	size_t path_len = strlen(path);
	size_t len = strlen(suffix);

	if (path_len <= len || strcmp(path + path_len - len, suffix) != 0 ||
	    path[path_len - len - 1] != '/')
		return false;
	path[path_len - len - 1] = '\0';
	return true;
}

int config_places_get(struct arena *arena, struct config_places *places, struct error *err)
{
	auto_free char *dir = NULL;
	auto_free char *install = NULL;
	int ret = proc_exe_dir(&dir);
	char *slash;

	if (ret < 0)
		return err_set(err, ret, "find the folder of this program");
	if (!cut_suffix(dir, ACRUN_REL_LIBEXECDIR)) {
		slash = strrchr(dir, '/');
		if (slash)
			*slash = '\0';
	}
	/* The executable's folder has its links resolved; so must what it is compared with. */
	if (fs_realpath(ACRUN_PREFIX, &install) < 0)
		install = NULL;
	*places = (struct config_places){
		.prefix = arena_strdup(arena, dir),
		.install_prefix = arena_strdup(arena, install ? install : ACRUN_PREFIX),
		.sysconfdir = ACRUN_SYSCONFDIR,
	};
	if (!places->prefix || !places->install_prefix)
		return err_set(err, -ENOMEM, "find the configuration");
	return 0;
}

int config_places_paths(const struct config_places *places, struct arena *arena,
			const char *const **paths, struct error *err)
{
	bool installed = strcmp(places->prefix, places->install_prefix) == 0;
	const char **list = arena_calloc(arena, 3, sizeof(*list));
	const char *sys = arena_printf(arena, "%s/" FILE_NAME, places->sysconfdir);
	const char *own =
		arena_printf(arena, "%s/" ACRUN_REL_DEFAULTSDIR "/" FILE_NAME, places->prefix);

	if (!list || !sys || !own)
		return err_set(err, -ENOMEM, "find the configuration");
	list[0] = installed ? sys : own;
	list[1] = installed ? own : sys;
	*paths = list;
	return 0;
}

int config_default_paths(struct arena *arena, const char *const **paths, struct error *err)
{
	struct config_places places;
	int ret = config_places_get(arena, &places, err);

	return ret < 0 ? ret : config_places_paths(&places, arena, paths, err);
}

/* --- choosing the file --- */

static int unusable(const char *path, int code, struct error *err)
{
	return err_msg(err, code, "Cannot find usable config file (%s: %s)", path, strerror(-code));
}

static int resolve(const char *path, struct arena *arena, struct config *cfg, struct error *err)
{
	auto_free char *real = NULL;
	int ret = fs_realpath(path, &real);

	if (ret < 0)
		return unusable(path, ret, err);
	cfg->file = arena_strdup(arena, real);
	return cfg->file ? 0 : err_set(err, -ENOMEM, "read '%s'", path);
}

static int choose_file(const struct config_places *places, const char *explicit_path,
		       struct arena *arena, struct config *cfg, struct error *err)
{
	const char *const *paths;
	int ret;

	if (explicit_path)
		return resolve(explicit_path, arena, cfg, err);
	ret = config_places_paths(places, arena, &paths, err);
	if (ret < 0)
		return ret;
	for (const char *const *path = paths; *path; path++) {
		ret = resolve(*path, arena, cfg, err);
		if (ret != -ENOENT && ret != -ENOTDIR)
			return ret;
	}
	err_msg(err, -ENOENT, "Cannot find usable config file (neither %s nor %s exists)", paths[0],
		paths[1]);
	return err_hint(err, "--config FILE or " CONF_FILE_ENV " names another");
}

/* --- reading --- */

static int read_file(const char *path, struct arena *arena, struct config *cfg, struct error *err)
{
	auto_strbuf struct strbuf text = { 0 };
	int ret = fs_read_file_at(AT_FDCWD, path, &text, FILE_MAX);

	if (ret < 0)
		return unusable(path, ret, err);
	return config_apply(path, strbuf_str(&text), text.len, arena, cfg, err);
}

static bool is_drop_in(const char *name)
{
	static const char suffix[] = ".toml";
	size_t len = strlen(name);

	return name[0] != '.' && len >= sizeof(suffix) &&
	       strcmp(name + len - (sizeof(suffix) - 1), suffix) == 0;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Lists the drop-ins of dir_path into cfg, sorted. No such directory: none. */
static int list_drop_ins(const char *dir_path, struct arena *arena, struct config *cfg,
			 struct error *err)
{
	auto_dir DIR *dir = opendir(dir_path);
	const struct dirent *entry;
	size_t n = 0;

	cfg->drop_ins = arena_calloc(arena, DROP_INS_MAX + 1, sizeof(*cfg->drop_ins));
	if (!cfg->drop_ins)
		return err_set(err, -ENOMEM, "list '%s'", dir_path);
	if (!dir)
		return errno == ENOENT ? 0 : err_set(err, -errno, "list '%s'", dir_path);
	while (errno = 0, (entry = readdir(dir))) {
		if (!is_drop_in(entry->d_name))
			continue;
		if (n == DROP_INS_MAX)
			return err_msg(err, -E2BIG, "more than %d files in '%s'", DROP_INS_MAX,
				       dir_path);
		cfg->drop_ins[n] = arena_printf(arena, "%s/%s", dir_path, entry->d_name);
		if (!cfg->drop_ins[n++])
			return err_set(err, -ENOMEM, "list '%s'", dir_path);
	}
	if (errno)
		return err_set(err, -errno, "list '%s'", dir_path);
	qsort(cfg->drop_ins, n, sizeof(*cfg->drop_ins), compare_names);
	return 0;
}

static int read_all(struct arena *arena, struct config *cfg, struct error *err)
{
	const char *slash = strrchr(cfg->file, '/');
	const char *dir =
		arena_printf(arena, "%.*s/" DROP_IN_DIR, (int)(slash - cfg->file), cfg->file);
	int ret;

	if (!dir)
		return err_set(err, -ENOMEM, "read '%s'", cfg->file);
	ret = read_file(cfg->file, arena, cfg, err);
	if (ret == 0)
		ret = list_drop_ins(dir, arena, cfg, err);
	for (size_t i = 0; ret == 0 && cfg->drop_ins[i]; i++)
		ret = read_file(cfg->drop_ins[i], arena, cfg, err);
	return ret;
}

int config_load_from(const struct config_places *places, const char *explicit_path,
		     struct arena *arena, struct config *cfg, struct error *err)
{
	int ret;

	*cfg = (struct config){ .prefix = arena_strdup(arena, places->prefix) };
	if (!cfg->prefix)
		return err_set(err, -ENOMEM, "read the configuration");
	ret = choose_file(places, explicit_path, arena, cfg, err);
	if (ret == 0)
		ret = config_fill_defaults(arena, cfg, err);
	if (ret == 0)
		ret = read_all(arena, cfg, err);
	return ret < 0 ? ret : config_finish(arena, cfg, err);
}

int config_load(const char *explicit_path, struct arena *arena, struct config *cfg,
		struct error *err)
{
	struct config_places places;
	const char *from_env = getenv(CONF_FILE_ENV);
	int ret = config_places_get(arena, &places, err);

	if (ret < 0)
		return ret;
	if (!explicit_path && from_env && *from_env)
		explicit_path = from_env;
	return config_load_from(&places, explicit_path, arena, cfg, err);
}
