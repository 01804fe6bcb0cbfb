#include "runtime/storage/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

static const char *const types[] = { "erofs", "ext4", "xfs" };

/* Options of a mount, not of a file system: the agent applies them to the bind mount. */
static const char *const mount_options[] = {
	"defaults",    "loop",		"rw",	      "ro",	     "suid",	 "nosuid",
	"dev",	       "nodev",		"exec",	      "noexec",	     "sync",	 "async",
	"atime",       "noatime",	"diratime",   "nodiratime",  "relatime", "norelatime",
	"strictatime", "nostrictatime", "private",    "rprivate",    "shared",	 "rshared",
	"slave",       "rslave",	"unbindable", "runbindable",
};

static bool is_among(const char *word, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(word, list[i]) == 0)
			return true;
	return false;
}

static bool has_option(const struct oci_mount *mount, const char *option)
{
	for (size_t i = 0; i < mount->options.len; i++)
		if (strcmp(mount->options.items[i], option) == 0)
			return true;
	return false;
}

/* Is the mount one for us? 1 or 0. */
static bool is_disk(const struct oci_mount *mount)
{
	struct stat st;

	if (!mount->type || !mount->source || mount->source[0] != '/' ||
	    !is_among(mount->type, types, sizeof(types) / sizeof(types[0])) ||
	    stat(mount->source, &st) < 0)
		return false;
	return S_ISBLK(st.st_mode) || (S_ISREG(st.st_mode) && has_option(mount, "loop"));
}

/* Two kernels that write to one file system destroy it; one that reads what another writes sees
 * nonsense. */
static int check_unused(const struct oci_mount *mount, bool readonly, struct error *err)
{
	auto_close int fd = open(mount->source, (readonly ? O_RDONLY : O_RDWR) | O_EXCL |
							O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	if (fd >= 0)
		return 0;
	if (errno == EBUSY)
		return err_msg(err, -EBUSY,
			       "error mounting \"%s\" to rootfs at \"%s\": the device is in use on "
			       "the host",
			       mount->source, mount->destination);
	return err_set(err, -errno, "error mounting \"%s\" to rootfs at \"%s\"", mount->source,
		       mount->destination);
}

/* The options of the file system, with commas. NULL: there are none, or no memory. */
static const char *collect_options(const struct oci_mount *mount, struct arena *arena)
{
	const char *text = NULL;

	for (size_t i = 0; i < mount->options.len; i++) {
		const char *option = mount->options.items[i];

		if (!is_among(option, mount_options,
			      sizeof(mount_options) / sizeof(mount_options[0])))
			text = text ? arena_printf(arena, "%s,%s", text, option)
				    : arena_strdup(arena, option);
	}
	return text;
}

/* The last one decides. */
static bool is_readonly(const struct oci_mount *mount)
{
	bool readonly = false;

	for (size_t i = 0; i < mount->options.len; i++) {
		if (strcmp(mount->options.items[i], "ro") == 0)
			readonly = true;
		else if (strcmp(mount->options.items[i], "rw") == 0)
			readonly = false;
	}
	return readonly;
}

/* The device itself is to be there. */
static bool is_node(const struct oci_mount *mount)
{
	struct stat st;
	bool bind = (mount->type && strcmp(mount->type, "bind") == 0) ||
		    has_option(mount, "bind") || has_option(mount, "rbind");

	return bind && mount->source && mount->source[0] == '/' && stat(mount->source, &st) == 0 &&
	       S_ISBLK(st.st_mode);
}

static int add_disk(struct volumes *volumes, struct oci_mount *mount, const char *id,
		    struct arena *arena, struct error *err)
{
	struct volume *volume = &volumes->list[volumes->n];
	struct share_mount *item = arena_calloc(arena, 1, sizeof(*item));
	const char *target = arena_printf(arena, "%s/disk-%zu", id, volumes->n);
	bool node = is_node(mount);
	bool readonly = is_readonly(mount) || (!node && strcmp(mount->type, "erofs") == 0);
	int ret = check_unused(mount, readonly, err);

	if (ret < 0)
		return ret;
	if (!item || !target)
		return err_set(err, -ENOMEM, "mount at \"%s\"", mount->destination);
	*item = (struct share_mount){ .source = mount->source,
				      .target = target,
				      .destination = mount->destination,
				      .is_dir = !node,
				      .readonly = readonly };
	*volume = (struct volume){
		.mount = item,
		.way = VOLUME_DISK,
		.source = { .path = mount->source, .destination = mount->destination },
		.writable = !readonly,
		.fstype = node ? NULL : mount->type,
		.options = node ? NULL : collect_options(mount, arena),
		.image = mount->source,
		.entry = IMAGE_ENTRY_INIT,
	};
	volumes->n++;
	mount->source = target;
	mount->type = "bind";
	return 0;
}

/* The root file system may be a device that is mounted for it. */
static int plan_root(struct volumes *volumes, struct arena *arena, struct error *err)
{
	struct volume *root = &volumes->list[0];
	struct loan *loan = arena_calloc(arena, 1, sizeof(*loan));
	int ret = loan ? loan_find(root->source.path, arena, loan, err)
		       : err_set(err, -ENOMEM, "plan the root file system");

	if (ret <= 0)
		return ret;
	volumes->loan = loan;
	root->way = VOLUME_DISK;
	root->fstype = loan->fstype;
	root->image = loan->device;
	root->writable = !loan->readonly;
	return 0;
}

int disks_plan(struct volumes *volumes, struct oci_spec *spec, const char *id, struct arena *arena,
	       struct error *err)
{
	struct oci_mount *mounts = spec->mounts.items;
	int ret = plan_root(volumes, arena, err);

	for (size_t i = 0; ret == 0 && i < spec->mounts.len; i++)
		if (is_disk(&mounts[i]) || is_node(&mounts[i]))
			ret = add_disk(volumes, &mounts[i], id, arena, err);
	return ret;
}
