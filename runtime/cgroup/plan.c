#include "runtime/cgroup/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include "base/fs.h"
#include "base/strbuf.h"
#include "runtime/cgroup/hierarchies.h"

enum { PROC_BYTES_MAX = 4 << 20, PATH_BYTES_MAX = 3000 };

int cgroup_parse_manager(const char *name, enum cgroup_manager *manager, struct error *err)
{
	static const char *const names[] = { [CGROUP_FS] = "cgroupfs",
					     [CGROUP_SYSTEMD] = "systemd",
					     [CGROUP_DISABLED] = "disabled" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(name, names[i]) == 0) {
			*manager = (enum cgroup_manager)i;
			return 0;
		}
	}
	return err_msg(err, -EINVAL,
		       "cgroup manager '%s' is not known (cgroupfs, systemd or disabled)", name);
}

static bool is_unit_name(const char *name)
{
	return *name && !strchr(name, '/') && strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

/* "a-b.slice" is in "a.slice": systemd.slice(5). "-.slice" is the root. */
static int add_slice(struct strbuf *path, const char *slice)
{
	size_t len = strlen(slice);
	size_t stem = len - 6;

	if (len <= 6 || strcmp(slice + stem, ".slice") != 0 || !is_unit_name(slice))
		return -EINVAL;
	if (!strcmp(slice, "-.slice"))
		return 0;
	if (slice[0] == '-' || slice[stem - 1] == '-' || strstr(slice, "--"))
		return -EINVAL;
	for (size_t i = 1; i <= stem; i++)
		if (i == stem || slice[i] == '-')
			strbuf_addf(path, "/%.*s.slice", (int)i, slice);
	return strbuf_error(path);
}

/* SLICE:PREFIX:NAME as runc reads it. */
static int expand_systemd(const char *text, const char *unit, struct strbuf *path,
			  struct error *err)
{
	auto_strbuf struct strbuf copy = { 0 };
	char *rest, *slice, *prefix, *name;
	int ret = strbuf_addf(&copy, "%s", text && *text ? text : "");

	if (ret < 0)
		return err_set(err, ret, "read linux.cgroupsPath");
	if (copy.len == 0) {
		strbuf_addf(&copy, ":acrun:%s", unit);
	}
	rest = copy.data;
	slice = strsep(&rest, ":");
	prefix = strsep(&rest, ":");
	name = rest;
	if (!prefix || !name || strchr(name, ':') || !is_unit_name(name) || strchr(prefix, '/') ||
	    add_slice(path, *slice ? slice : "system.slice") < 0)
		return err_msg(err, -EINVAL,
			       "expected cgroupsPath to be of format \"slice:prefix:name\" for "
			       "systemd cgroups, got \"%s\" instead",
			       text ? text : "");
	if (strlen(name) > 6 && !strcmp(name + strlen(name) - 6, ".slice"))
		strbuf_addf(path, "/%s", name);
	else if (*prefix)
		strbuf_addf(path, "/%s-%s.scope", prefix, name);
	else
		strbuf_addf(path, "/%s.scope", name);
	return strbuf_error(path);
}

/* Without "..", which would lead out of the hierarchy. */
static int check_path(const char *path, struct error *err)
{
	for (const char *part = path; *part;) {
		size_t len = strcspn(part, "/");

		if (len == 2 && !memcmp(part, "..", 2))
			return err_msg(err, -EINVAL,
				       "linux.cgroupsPath \"%s\": \"..\" may not be in it", path);
		part += len + (part[len] == '/');
	}
	if (strlen(path) > PATH_BYTES_MAX)
		return err_msg(err, -EINVAL, "linux.cgroupsPath is longer than %d bytes",
			       PATH_BYTES_MAX);
	return 0;
}

/* The directory of an absolute path of the hierarchy; what is not mounted is not in the way. */
static const char *in_mount(const struct hierarchy *hierarchy, const char *path,
			    struct arena *arena)
{
	size_t root = strlen(hierarchy->root);

	if (root > 1 && !strncmp(path, hierarchy->root, root) &&
	    (path[root] == '/' || path[root] == '\0'))
		path += root;
	return arena_printf(arena, "%s%s%s", hierarchy->mount, *path == '/' ? "" : "/", path);
}

static const char *place(const struct hierarchies *all, const struct hierarchy *hierarchy,
			 const char *path, struct arena *arena)
{
	const char *own = hierarchy->own;
	size_t len = strlen(own);

	if (*path == '/')
		return in_mount(hierarchy, path, arena);
	/* The caller's cgroup has processes, so none below it could have controllers. */
	while (all->only_unified && len > 0 && own[len - 1] != '/')
		len--;
	while (len > 0 && own[len - 1] == '/')
		len--;
	path = arena_printf(arena, "%.*s/%s", (int)len, own, path);
	return path ? in_mount(hierarchy, path, arena) : NULL;
}

static int read_hierarchies(struct arena *arena, struct hierarchies *all, struct error *err)
{
	auto_strbuf struct strbuf mounts = { 0 };
	auto_strbuf struct strbuf own = { 0 };
	int ret = fs_read_file_at(AT_FDCWD, "/proc/self/mountinfo", &mounts, PROC_BYTES_MAX);

	if (ret == 0)
		ret = fs_read_file_at(AT_FDCWD, "/proc/self/cgroup", &own, PROC_BYTES_MAX);
	if (ret == 0)
		ret = hierarchies_parse(strbuf_str(&mounts), strbuf_str(&own), arena, all);
	return ret < 0 ? err_set(err, ret, "find out how cgroups are mounted") : 0;
}

int cgroup_plan(const char *cgroups_path, enum cgroup_manager manager, const char *name,
		struct arena *arena, struct json_strs *dirs, struct error *err)
{
	const char *path = cgroups_path && *cgroups_path ? cgroups_path : name;
	auto_strbuf struct strbuf expanded = { 0 };
	struct hierarchies all;
	int ret;

	*dirs = (struct json_strs){ 0 };
	if (manager == CGROUP_DISABLED)
		return 0;
	if (manager == CGROUP_SYSTEMD) {
		ret = expand_systemd(cgroups_path, name, &expanded, err);
		path = strbuf_str(&expanded);
	} else {
		ret = check_path(path, err);
	}
	if (ret == 0)
		ret = read_hierarchies(arena, &all, err);
	if (ret < 0)
		return ret;
	dirs->items = arena_calloc(arena, all.len + 1, sizeof(*dirs->items));
	for (size_t i = 0; dirs->items && i < all.len; i++) {
		dirs->items[i] = place(&all, &all.items[i], path, arena);
		if (!dirs->items[i])
			dirs->items = NULL;
	}
	if (!dirs->items)
		return err_set(err, -ENOMEM, "find the container's cgroups");
	dirs->len = all.len;
	return 0;
}
