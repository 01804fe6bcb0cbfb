#include "runtime/storage/idmap.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/mount.h>
#include "base/cleanup.h"
#include "base/spawn.h"
#include "base/strbuf.h"

/* As many extents as the kernel takes, 340, in their longest form. */
enum { MAP_MAX = 340 * 36, SPARE_TRIES = 1024 };

static bool maps_to_root(const struct json_objs *rows)
{
	const struct oci_id_mapping *map = rows->items;

	for (size_t i = 0; i < rows->len; i++)
		if (map[i].size > 0 && map[i].host_id == 0)
			return true;
	return false;
}

static bool is_on_disk(const struct json_objs *rows, uint32_t id)
{
	const struct oci_id_mapping *map = rows->items;

	for (size_t i = 0; i < rows->len; i++)
		if (id >= map[i].container_id && id - map[i].container_id < map[i].size)
			return true;
	return false;
}

/*
 * The server of the share makes files as root and gives them away at once. A root that the mount
 * knows nothing of could make none, so it gets an id that nobody has.
 */
static int add_root(const struct json_objs *rows, struct strbuf *text)
{
	uint32_t id = UINT32_MAX - 1;

	if (maps_to_root(rows))
		return 0;
	for (int i = 0; i < SPARE_TRIES; i++, id--)
		if (!is_on_disk(rows, id))
			return strbuf_addf(text, "%" PRIu32 " 0 1\n", id);
	return 0;
}

static int format_map(const struct json_objs *rows, struct arena *arena, const char **out)
{
	const struct oci_id_mapping *map = rows->items;
	auto_strbuf struct strbuf text = { .max = MAP_MAX };

	for (size_t i = 0; i < rows->len; i++)
		(void)strbuf_addf(&text, "%" PRIu32 " %" PRIu32 " %" PRIu32 "\n",
				  map[i].container_id, map[i].host_id, map[i].size);
	(void)add_root(rows, &text);
	if (strbuf_error(&text) < 0)
		return strbuf_error(&text) == -ENOMEM ? -ENOMEM : -E2BIG;
	*out = arena_strdup(arena, strbuf_str(&text));
	return *out ? 0 : -ENOMEM;
}

static bool is_own_option(const char *option)
{
	return !strcmp(option, "idmap") || !strcmp(option, "ridmap");
}

static int take_out(struct oci_mount *mount, struct arena *arena)
{
	const char **kept = arena_calloc(arena, mount->options.len + 1, sizeof(*kept));
	size_t n = 0;

	if (!kept)
		return -ENOMEM;
	for (size_t i = 0; i < mount->options.len; i++)
		if (!is_own_option(mount->options.items[i]))
			kept[n++] = mount->options.items[i];
	mount->options = (struct json_strs){ .items = kept, .len = n };
	mount->uid_mappings = (struct json_objs){ 0 };
	mount->gid_mappings = (struct json_objs){ 0 };
	return 0;
}

int idmap_plan(struct oci_mount *mount, const struct oci_spec *spec, struct arena *arena,
	       const struct idmap **idmap, struct error *err)
{
	static const struct oci_linux none;
	const struct oci_linux *container = spec->linux_ ? spec->linux_ : &none;
	bool own = mount->uid_mappings.len > 0;
	const struct json_objs *uids = own ? &mount->uid_mappings : &container->uid_mappings;
	const struct json_objs *gids = own ? &mount->gid_mappings : &container->gid_mappings;
	struct idmap *made;
	int ret;

	*idmap = NULL;
	if (!oci_mount_is_mapped(mount))
		return 0;
	made = arena_calloc(arena, 1, sizeof(*made));
	if (!made)
		return err_set(err, -ENOMEM, "mount at \"%s\"", mount->destination);
	made->recursive = oci_mount_has_option(mount, "ridmap");
	ret = format_map(uids, arena, &made->uids);
	if (ret == 0)
		ret = format_map(gids, arena, &made->gids);
	if (ret == 0)
		ret = take_out(mount, arena);
	*idmap = made;
	return ret < 0 ? err_set(err, ret,
				 "read uidMappings and gidMappings of the mount at \"%s\"",
				 mount->destination)
		       : 0;
}

int idmap_apply(const struct idmap *idmap, int tree_fd, const char *source, struct error *err)
{
	auto_close int users = spawn_userns(idmap->uids, idmap->gids, err);
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_IDMAP };
	unsigned flags = AT_EMPTY_PATH | (idmap->recursive ? AT_RECURSIVE : 0);

	if (users < 0)
		return err_ctx(err, "map the ids of \"%s\"", source);
	attr.userns_fd = (uint64_t)users;
	if (mount_setattr(tree_fd, "", flags, &attr, sizeof(attr)) == 0)
		return 0;
	err_set(err, -errno, "failed to set MOUNT_ATTR_IDMAP on \"%s\"", source);
	return err_hint(
		err, "not every file system can have its ids mapped, and not by every "
		     "kernel; without uidMappings, gidMappings and idmap it is mounted as it is");
}
