#include "agent/guest/layers.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/guest/fail.h"
#include "agent/guest/guest.h"
#include "agent/guest/modules.h"
#include "base/cleanup.h"
#include "base/fs.h"

enum { OPTIONS_LEN = 3 * LAYERS_PATH_MAX + 128 };

static int make_dir(const char *path)
{
	return mkdir(path, 0755) < 0 && errno != EEXIST ? -errno : 0;
}

int layers_make_share(struct error *err)
{
	int ret = make_dir(GUEST_SHARE_DIR);

	if (ret == 0 && mount("tmpfs", GUEST_SHARE_DIR, "tmpfs", MS_NODEV, "mode=0755,size=1m") < 0)
		ret = -errno;
	return ret < 0 ? fail_set(err, ret, "make the share '%s'", GUEST_SHARE_DIR) : 0;
}

static bool fill(char out[static LAYERS_PATH_MAX], const char *dir, const char *name)
{
	return snprintf(out, LAYERS_PATH_MAX, "%s/%s", dir, name) < LAYERS_PATH_MAX;
}

int layers_name(const char *target, struct layers *layers, struct error *err)
{
	const char *slash = strchr(target, '/');
	size_t len = slash ? (size_t)(slash - target) : 0;

	if (!slash || len > NAME_MAX_LEN || !name_is_valid(slash + 1))
		return err_msg(err, -EINVAL, "'%s' is no place in the share", target);
	memcpy(layers->container, target, len);
	layers->container[len] = '\0';
	if (!name_is_valid(layers->container))
		return err_msg(err, -EINVAL, "'%s' is no place in the share", target);
	if (!fill(layers->dir, LAYERS_DIR, target) || !fill(layers->image, layers->dir, "image") ||
	    !fill(layers->upper, layers->dir, "upper") ||
	    !fill(layers->merged, layers->dir, "merged") ||
	    !fill(layers->target, GUEST_SHARE_DIR, target))
		return fail_set(err, -ENAMETOOLONG, "name the layers of '%s'", target);
	return 0;
}

/* The memory that all things of a container are in. */
static int make_container(const struct layers *layers)
{
	char path[LAYERS_PATH_MAX];
	int ret = make_dir(LAYERS_DIR);

	if (ret < 0)
		return ret;
	if (!fill(path, GUEST_SHARE_DIR, layers->container))
		return -ENAMETOOLONG;
	ret = make_dir(path);
	if (ret < 0)
		return ret;
	if (!fill(path, LAYERS_DIR, layers->container))
		return -ENAMETOOLONG;
	if (mkdir(path, 0700) < 0)
		return errno == EEXIST ? 0 : -errno;
	if (mount("tmpfs", path, "tmpfs", MS_NODEV, "mode=0700") == 0)
		return 0;
	ret = -errno;
	(void)rmdir(path);
	return ret;
}

int layers_make(const struct layers *layers, struct error *err)
{
	int ret = make_container(layers);

	/* Left by a create that was killed before there was a container. */
	if (ret == 0 && access(layers->dir, F_OK) == 0)
		layers_remove(layers);
	if (ret == 0 && mkdir(layers->dir, 0755) < 0)
		ret = -errno;
	if (ret == 0)
		ret = make_dir(layers->image);
	return ret < 0 ? fail_set(err, ret, "make '%s'", layers->dir) : 0;
}

static int mount_layer(const struct layers *layers, struct error *err)
{
	char options[OPTIONS_LEN], work[LAYERS_PATH_MAX];

	/* what is built into the kernel is not there as a module: the mount itself will tell */
	(void)!modules_load("overlay");
	if (!fill(work, layers->dir, "work") ||
	    snprintf(options, sizeof(options),
		     "lowerdir=%s,upperdir=%s,workdir=%s,redirect_dir=off,metacopy=off",
		     layers->image, layers->upper, work) >= OPTIONS_LEN)
		return fail_set(err, -ENAMETOOLONG, "mount a layer over '%s'", layers->image);
	if (make_dir(layers->upper) < 0 || make_dir(work) < 0 || make_dir(layers->merged) < 0)
		return fail_set(err, -errno, "make the layers in '%s'", layers->dir);
	if (mount("overlay", layers->merged, "overlay", MS_NODEV, options) < 0)
		return fail_set(err, -errno, "mount a writable layer over '%s'", layers->image);
	return 0;
}

static int make_target(const char *target, bool is_dir)
{
	auto_close int fd = -1;

	if (is_dir)
		return mkdir(target, 0755) < 0 ? -errno : 0;
	fd = open(target, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	return fd < 0 ? -errno : 0;
}

int layers_show(const struct layers *layers, bool whole, bool layer, struct error *err)
{
	char from[LAYERS_PATH_MAX + sizeof("/" LAYERS_TREE)];
	struct stat st;
	int ret = layer ? mount_layer(layers, err) : 0;

	if (ret < 0)
		return ret;
	(void)snprintf(from, sizeof(from), "%s%s", layer ? layers->merged : layers->image,
		       whole ? "" : "/" LAYERS_TREE);
	if (lstat(from, &st) < 0)
		return fail_set(err, -errno, "look at what came for '%s'", layers->target);
	if (!S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode))
		return err_msg(err, -EINVAL, "what came for '%s' is neither a directory nor a file",
			       layers->target);
	ret = make_target(layers->target, S_ISDIR(st.st_mode));
	if (ret < 0)
		return fail_set(err, ret, "make '%s'", layers->target);
	if (mount(from, layers->target, NULL, MS_BIND, NULL) < 0)
		return fail_set(err, -errno, "put '%s' into the share", layers->target);
	return 0;
}

int layers_show_device(const struct layers *layers, const char *device, struct error *err)
{
	int ret = make_target(layers->target, false);

	if (ret < 0)
		return fail_set(err, ret, "make '%s'", layers->target);
	if (mount(device, layers->target, NULL, MS_BIND, NULL) < 0)
		return fail_set(err, -errno, "put '%s' into the share", layers->target);
	return 0;
}

static void remove_target(const char *target)
{
	(void)umount2(target, MNT_DETACH | UMOUNT_NOFOLLOW);
	if (unlink(target) < 0)
		(void)rmdir(target);
}

void layers_remove(const struct layers *layers)
{
	char path[LAYERS_PATH_MAX];
	auto_close int dir = -1;

	remove_target(layers->target);
	(void)umount2(layers->merged, MNT_DETACH | UMOUNT_NOFOLLOW);
	(void)umount2(layers->image, MNT_DETACH | UMOUNT_NOFOLLOW);
	if (!fill(path, LAYERS_DIR, layers->container))
		return;
	dir = fs_open_dir_at(AT_FDCWD, path);
	if (dir >= 0)
		(void)!fs_remove_tree_at(dir, strrchr(layers->dir, '/') + 1);
}

void layers_forget(const char *container)
{
	char path[LAYERS_PATH_MAX], target[LAYERS_PATH_MAX];
	auto_dir DIR *dir = NULL;
	struct dirent *entry;

	if (!name_is_valid(container) || !fill(path, LAYERS_DIR, container))
		return;
	/* with all that is mounted below */
	if (umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW) < 0)
		return;
	(void)rmdir(path);
	if (!fill(path, GUEST_SHARE_DIR, container))
		return;
	dir = opendir(path);
	while (dir && (entry = readdir(dir)) != NULL)
		if (entry->d_name[0] != '.' && fill(target, path, entry->d_name))
			remove_target(target);
	(void)rmdir(path);
}
