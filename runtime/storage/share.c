#include "runtime/storage/share.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include "base/cleanup.h"
#include "base/fs.h"

static bool is_below(const char *path, const char *dir)
{
	size_t len = strlen(dir);

	return !strncmp(path, dir, len) && (path[len] == '/' || path[len] == '\0');
}

/* Kernel file systems and character devices of the host mean nothing in the guest: it uses its own.
 * 1 or 0, -ENOMEM. */
static int is_guests_own(const char *source, const struct stat *st)
{
	auto_free char *plain = NULL;
	int ret = fs_abspath(source, &plain);

	if (ret < 0)
		return ret;
	return is_below(plain, "/proc") || is_below(plain, "/sys") || S_ISCHR(st->st_mode);
}

/* The last of several options decides, as in mount(8). */
static bool is_readonly(const struct oci_mount *mount)
{
	bool readonly = false;

	for (size_t i = 0; i < mount->options.len; i++) {
		const char *option = mount->options.items[i];

		if (!strcmp(option, "ro") || !strcmp(option, "rro"))
			readonly = true;
		else if (!strcmp(option, "rw") || !strcmp(option, "rrw"))
			readonly = false;
	}
	return readonly;
}

/* The name of a path, "" for one that has none. */
static const char *plain_name(const char *path, struct arena *arena)
{
	size_t len = strlen(path);
	size_t start;

	while (len > 0 && path[len - 1] == '/')
		len--;
	for (start = len; start > 0 && path[start - 1] != '/';)
		start--;
	path = arena_printf(arena, "%.*s", (int)(len - start), path + start);
	return path && (!strcmp(path, ".") || !strcmp(path, "..")) ? "" : path;
}

/* The guest sees each in a directory of its own, for two may have the same name. */
static const char *name_target(const struct share *share, const char *source, const char *id,
			       struct arena *arena)
{
	const char *name = share->keeps_names ? plain_name(source, arena) : "";

	if (!name)
		return NULL;
	return arena_printf(arena, "%s/mount-%zu%s%s", id, share->n_mounts, *name ? "/" : "", name);
}

static int plan_bind(struct share *share, struct oci_mount *mount, const struct oci_spec *spec,
		     const char *bundle, const char *id, struct arena *arena, struct error *err)
{
	struct share_mount *item = &share->mounts[share->n_mounts];
	struct stat st;
	int own;

	if (!mount->source || !*mount->source)
		return err_msg(err, -EINVAL, "mount at \"%s\": a bind mount needs a source",
			       mount->destination);
	item->source = mount->source[0] == '/'
			       ? mount->source
			       : arena_printf(arena, "%s/%s", bundle, mount->source);
	if (!item->source)
		return err_set(err, -ENOMEM, "mount at \"%s\"", mount->destination);
	if (stat(item->source, &st) < 0)
		return err_msg(err, -errno,
			       "error mounting \"%s\" to rootfs at \"%s\": stat %s: %s",
			       item->source, mount->destination, item->source,
			       errno == ENOENT ? "no such file or directory" : strerror(errno));
	own = is_guests_own(item->source, &st);
	if (own < 0)
		return err_set(err, own, "mount at \"%s\"", mount->destination);
	if (own || (share->no_devices && S_ISBLK(st.st_mode))) {
		mount->source = item->source;
		return 0;
	}
	if (!S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode))
		return err_msg(
			err, -EOPNOTSUPP,
			"error mounting \"%s\" to rootfs at \"%s\": a %s of the host cannot be reached from a virtual machine",
			item->source, mount->destination,
			S_ISSOCK(st.st_mode)  ? "socket"
			: S_ISBLK(st.st_mode) ? "block device"
					      : "named pipe");
	item->target = name_target(share, item->source, id, arena);
	if (!item->target)
		return err_set(err, -ENOMEM, "mount at \"%s\"", mount->destination);
	item->destination = mount->destination;
	item->is_dir = S_ISDIR(st.st_mode);
	item->recursive = oci_mount_has_option(mount, "rbind");
	item->readonly = is_readonly(mount);
	mount->source = item->target;
	share->n_mounts++;
	return idmap_plan(mount, spec, arena, &item->idmap, err);
}

static int plan_hook(struct share *share, struct oci_hook *hook, size_t i, const char *id,
		     struct arena *arena, struct error *err)
{
	struct share_mount *item = &share->mounts[share->n_mounts];
	struct stat st;
	int ret = stat(hook->path, &st) < 0 ? -errno : 0;

	if (ret == 0 && (!S_ISREG(st.st_mode) || !(st.st_mode & 0111)))
		ret = -EACCES;
	if (ret < 0)
		return err_set(err, ret, "error running createContainer hook #%zu: exec '%s'", i,
			       hook->path);
	*item = (struct share_mount){ .source = hook->path,
				      .target = arena_printf(arena, "%s/hook-%zu", id, i),
				      .destination = "the createContainer hooks",
				      .readonly = true };
	if (!item->target)
		return err_set(err, -ENOMEM, "share of '%s'", id);
	hook->path = item->target;
	share->n_mounts++;
	return 0;
}

/* The guest runs createContainer by the host's program, startContainer by the container's own. */
static int plan_hooks(struct share *share, const struct oci_hooks *hooks, const char *id,
		      struct arena *arena, struct error *err)
{
	size_t n = hooks->create_container.len;
	struct oci_hook *copies = arena_calloc(arena, n + 1, sizeof(*copies));

	share->hooks = arena_alloc(arena, sizeof(*share->hooks));
	if (!copies || !share->hooks)
		return err_set(err, -ENOMEM, "share of '%s'", id);
	share->hooks->start_container = hooks->start_container;
	share->hooks->create_container = (struct json_objs){ .items = copies, .len = n };
	if (n > 0)
		memcpy(copies, hooks->create_container.items, n * sizeof(*copies));
	for (size_t i = 0; i < n; i++) {
		int ret = plan_hook(share, &copies[i], i, id, arena, err);

		if (ret < 0)
			return ret;
	}
	return 0;
}

int share_plan(struct share *share, struct oci_spec *spec, const char *rootfs_path,
	       const char *bundle, const char *id, struct arena *arena, const char **rootfs,
	       struct error *err)
{
	size_t n_hooks = spec->hooks ? spec->hooks->create_container.len : 0;
	struct oci_mount *mounts = spec->mounts.items;

	share->mounts = arena_calloc(arena, spec->mounts.len + n_hooks + 1, sizeof(*share->mounts));
	*rootfs = arena_printf(arena, "%s/rootfs", id);
	if (!share->mounts || !*rootfs)
		return err_set(err, -ENOMEM, "share of '%s'", id);
	share->mounts[0] = (struct share_mount){ .source = rootfs_path,
						 .target = *rootfs,
						 .destination = "/",
						 .is_dir = true,
						 .recursive = true };
	share->n_mounts = 1;
	for (size_t i = 0; i < spec->mounts.len; i++) {
		int ret = oci_mount_is_bind(&mounts[i])
				  ? plan_bind(share, &mounts[i], spec, bundle, id, arena, err)
				  : 0;

		if (ret < 0)
			return ret;
	}
	return spec->hooks ? plan_hooks(share, spec->hooks, id, arena, err) : 0;
}

/* Makes the directories in front of the last component of path below dir_fd. */
static int make_parents(int dir_fd, const char *path)
{
	char part[4096];

	for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
		if ((size_t)(slash - path) >= sizeof(part))
			return -ENAMETOOLONG;
		memcpy(part, path, (size_t)(slash - path));
		part[slash - path] = '\0';
		if (mkdirat(dir_fd, part, 0755) < 0 && errno != EEXIST)
			return -errno;
	}
	return 0;
}

static int make_target(int dir_fd, const struct share_mount *mount)
{
	auto_close int fd = -1;
	int ret = make_parents(dir_fd, mount->target);

	if (ret < 0)
		return ret;
	if (mount->is_dir)
		return mkdirat(dir_fd, mount->target, 0755) < 0 && errno != EEXIST ? -errno : 0;
	fd = openat(dir_fd, mount->target, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
	return fd < 0 ? -errno : 0;
}

int share_make_targets(const struct share *share, int dir_fd, struct error *err)
{
	for (size_t i = 0; i < share->n_mounts; i++) {
		int ret = make_target(dir_fd, &share->mounts[i]);

		if (ret < 0)
			return err_set(err, ret, "make '%s/%s'", share->dir,
				       share->mounts[i].target);
	}
	return 0;
}

int share_pick_up(const struct share_mount *item, struct error *err)
{
	struct mount_attr slave = { .propagation = MS_SLAVE };
	struct mount_attr readonly = { .attr_set = MOUNT_ATTR_RDONLY };
	auto_close int fd = open_tree(AT_FDCWD, item->source,
				      OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC |
					      (item->recursive ? (unsigned)AT_RECURSIVE : 0));

	if (fd < 0 ||
	    mount_setattr(fd, "", AT_EMPTY_PATH | AT_RECURSIVE, &slave, sizeof(slave)) < 0)
		return err_set(err, -errno, "error mounting \"%s\" to rootfs at \"%s\"",
			       item->source, item->destination);
	if (item->readonly && mount_setattr(fd, "", AT_EMPTY_PATH, &readonly, sizeof(readonly)) < 0)
		return err_set(err, -errno, "make \"%s\" read-only for the mount at \"%s\"",
			       item->source, item->destination);
	if (item->idmap && idmap_apply(item->idmap, fd, item->source, err) < 0)
		return err_ctx(err, "error mounting \"%s\" to rootfs at \"%s\"", item->source,
			       item->destination);
	return take_fd(&fd);
}

static int put_down(const struct share *share, const struct share_mount *item, int fd,
		    struct error *err)
{
	auto_free char *target = NULL;

	if (asprintf(&target, "%s/%s", share->dir, item->target) < 0) {
		target = NULL;
		return err_set(err, -ENOMEM, "share '%s'", item->source);
	}
	if (move_mount(fd, "", AT_FDCWD, target, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return err_set(err, -errno, "error mounting \"%s\" to rootfs at \"%s\"",
			       item->source, item->destination);
	return 0;
}

/* What is mapped must not hang anywhere yet. */
static int mount_mapped(const struct share *share, const struct share_mount *item,
			struct error *err)
{
	auto_close int fd = share_pick_up(item, err);

	return fd < 0 ? fd : put_down(share, item, fd, err);
}

static int mount_one(const struct share *share, const struct share_mount *item, struct error *err)
{
	auto_free char *target = NULL;
	unsigned long flags = MS_BIND | (item->recursive ? MS_REC : 0);

	if (item->idmap)
		return mount_mapped(share, item, err);
	if (asprintf(&target, "%s/%s", share->dir, item->target) < 0) {
		target = NULL;
		return err_set(err, -ENOMEM, "share '%s'", item->source);
	}
	if (mount(item->source, target, NULL, flags, NULL) < 0)
		return err_set(err, -errno, "error mounting \"%s\" to rootfs at \"%s\"",
			       item->source, item->destination);
	if (item->readonly && mount(NULL, target, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL) < 0)
		return err_set(err, -errno, "make \"%s\" read-only for the mount at \"%s\"",
			       item->source, item->destination);
	return 0;
}

int share_mount_all(const struct share *share, struct error *err)
{
	/* Unmounts of the host reach us (nothing stays busy), ours never reach the host. */
	if (mount(NULL, "/", NULL, MS_SLAVE | MS_REC, NULL) < 0)
		return err_set(err, -errno, "make the mounts of the virtual machine private");
	for (size_t i = 0; i < share->n_mounts; i++) {
		int ret = mount_one(share, &share->mounts[i], err);

		if (ret < 0)
			return ret;
	}
	return 0;
}

int share_mount_into(const struct share *share, int mnt_ns_fd, struct error *err)
{
	auto_free int *fds = calloc(share->n_mounts + 1, sizeof(*fds));
	size_t n = 0;
	int ret = fds ? 0 : err_set(err, -ENOMEM, "share '%s'", share->dir);

	while (ret >= 0 && n < share->n_mounts) {
		ret = share_pick_up(&share->mounts[n], err);
		if (ret >= 0)
			fds[n++] = ret;
	}
	if (ret >= 0 && setns(mnt_ns_fd, CLONE_NEWNS) < 0)
		ret = err_set(err, -errno, "enter the mounts of the virtual machine");
	for (size_t i = 0; i < n; i++) {
		if (ret >= 0)
			ret = put_down(share, &share->mounts[i], fds[i], err);
		cleanup_close(&fds[i]);
	}
	return ret < 0 ? ret : 0;
}
