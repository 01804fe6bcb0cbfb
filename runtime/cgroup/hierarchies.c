#include "runtime/cgroup/hierarchies.h"

#include <errno.h>
#include <string.h>

enum { ROOT_FIELD = 3, MOUNT_FIELD = 4 };

/* Options of a mount that are not what the hierarchy is made of. */
static bool is_general(const char *option, size_t len)
{
	static const char *const general[] = {
		"rw",	       "ro",	     "noprefix",       "clone_children",
		"xattr",       "nsdelegate", "cpuset_v2_mode", "release_agent",
		"favordynmods"
	};

	for (size_t i = 0; i < sizeof(general) / sizeof(general[0]); i++)
		if (strlen(general[i]) == len && !memcmp(general[i], option, len))
			return true;
	return false;
}

/* "rw,cpu,cpuacct" to "cpu,cpuacct". */
static void drop_general(char *options)
{
	char *out = options;

	for (char *pos = options; *pos;) {
		size_t len = strcspn(pos, ",");
		bool more = pos[len] == ',';

		if (!is_general(pos, strcspn(pos, ",="))) {
			if (out != options)
				*out++ = ',';
			memmove(out, pos, len);
			out += len;
		}
		pos += len + more;
	}
	*out = '\0';
}

static bool is_known(const struct hierarchies *known, const struct hierarchy *one)
{
	for (size_t i = 0; i < known->len; i++)
		if (known->items[i].unified == one->unified &&
		    !strcmp(known->items[i].options, one->options))
			return true;
	return false;
}

/* "ID PARENT MAJ:MIN ROOT MOUNT OPTIONS [TAGS...] - TYPE SOURCE SUPEROPTIONS" */
static void take_mount(char *line, struct hierarchies *out)
{
	struct hierarchy one = { .own = "/" };
	char *tail = strstr(line, " - ");
	char *options;
	const char *type;

	if (!tail || out->len == HIERARCHIES_MAX)
		return;
	*tail = '\0';
	tail += 3;
	type = strsep(&tail, " ");
	one.unified = !strcmp(type, "cgroup2");
	if (!one.unified && strcmp(type, "cgroup") != 0)
		return;
	(void)strsep(&tail, " ");
	options = strsep(&tail, " ");
	if (!options)
		return;
	drop_general(options);
	one.options = one.unified ? "" : options;
	for (int i = 0; i <= MOUNT_FIELD; i++) {
		const char *field = strsep(&line, " ");

		if (i == ROOT_FIELD)
			one.root = field;
		else if (i == MOUNT_FIELD)
			one.mount = field;
	}
	/* Blanks and the like come escaped; nobody mounts cgroups there. */
	if (!one.mount || one.mount[0] != '/' || strchr(one.mount, '\\') || is_known(out, &one))
		return;
	out->items[out->len++] = one;
}

/* "NUMBER:CONTROLLERS:PATH" */
static void take_own(char *line, struct hierarchies *out)
{
	const char *controllers, *path;

	(void)strsep(&line, ":");
	controllers = strsep(&line, ":");
	path = line;
	if (!controllers || !path || path[0] != '/')
		return;
	for (size_t i = 0; i < out->len; i++)
		if (!strcmp(out->items[i].options, controllers))
			out->items[i].own = path;
}

int hierarchies_parse(const char *mountinfo, const char *self, struct arena *arena,
		      struct hierarchies *out)
{
	char *mounts = arena_strdup(arena, mountinfo);
	char *own = arena_strdup(arena, self);
	char *line;

	*out = (struct hierarchies){ 0 };
	if (!mounts || !own)
		return -ENOMEM;
	while ((line = strsep(&mounts, "\n")))
		take_mount(line, out);
	while ((line = strsep(&own, "\n")))
		take_own(line, out);
	out->only_unified = out->len == 1 && out->items[0].unified;
	return 0;
}
