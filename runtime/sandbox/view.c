#include "runtime/sandbox/view.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "base/cleanup.h"
#include "base/log.h"
#include "base/spawn.h"

/* Ways back for a process that goes among other mounts. */
struct home {
	int proc_fd; /* /proc/self, for the namespaces that it will have later */
	int ns_fd;
	int root_fd; /* it may have been chroot()ed */
	int cwd_fd;
};

static void home_done(struct home *home)
{
	cleanup_close(&home->proc_fd);
	cleanup_close(&home->ns_fd);
	cleanup_close(&home->root_fd);
	cleanup_close(&home->cwd_fd);
}

static int home_open(struct home *home, struct error *err)
{
	home->proc_fd = open("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC);
	home->ns_fd = home->proc_fd < 0 ? -1
					: openat(home->proc_fd, "ns/mnt", O_RDONLY | O_CLOEXEC);
	home->root_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	home->cwd_fd = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (home->ns_fd >= 0 && home->root_fd >= 0 && home->cwd_fd >= 0)
		return 0;
	return err_set(err, -errno, "remember this process' mounts");
}

static int home_return(const struct home *home, struct error *err)
{
	if (setns(home->ns_fd, CLONE_NEWNS) == 0 && fchdir(home->root_fd) == 0 &&
	    chroot(".") == 0 && fchdir(home->cwd_fd) == 0)
		return 0;
	return err_set(err, -errno, "go back to this process' mounts");
}

/* Mounts on `point` what is to be the root. */
static int mount_root(const char *rootfs, bool readonly, const char *point, struct error *err)
{
	if (!rootfs) {
		if (mount("tmpfs", point, "tmpfs", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC,
			  "size=4k,mode=0755") < 0)
			return err_set(err, -errno, "mount an empty directory on '%s'", point);
		return 0;
	}
	if (mount(rootfs, point, NULL, MS_BIND | MS_REC, NULL) < 0 ||
	    (readonly && mount(NULL, point, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL) < 0))
		return err_set(err, -errno, "mount '%s' on '%s'", rootfs, point);
	return 0;
}

/* Makes `point` the root and forgets the old one; where that cannot be replaced, as in an initial
 * ram disk, it is covered. */
static int change_root(const char *point, struct error *err)
{
	if (chdir(point) < 0)
		return err_set(err, -errno, "change to directory '%s'", point);
	if (syscall(SYS_pivot_root, ".", ".") == 0) {
		if (umount2(".", MNT_DETACH) < 0)
			return err_set(err, -errno, "detach the host's files");
	} else if (mount(".", "/", NULL, MS_MOVE, NULL) < 0 || chroot(".") < 0) {
		return err_set(err, -errno, "make '%s' the root directory", point);
	}
	return chdir("/") < 0 ? err_set(err, -errno, "change to the root directory") : 0;
}

int view_make(const char *rootfs, bool readonly, const char *point, struct error *err)
{
	struct home home = { -1, -1, -1, -1 };
	auto_close int fd = -1;
	int ret = home_open(&home, err);

	/* Unmounts of the host reach us (nothing stays busy), ours never reach the host. */
	if (ret == 0 &&
	    (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_SLAVE | MS_REC, NULL) < 0))
		ret = err_set(err, -errno, "make mounts of its own");
	if (ret == 0)
		ret = mount_root(rootfs, readonly, point, err);
	if (ret == 0)
		ret = change_root(point, err);
	if (ret == 0) {
		fd = openat(home.proc_fd, "ns/mnt", O_RDONLY | O_CLOEXEC);
		ret = fd < 0 ? err_set(err, -errno, "open the new mounts") : 0;
	}
	if (ret == 0)
		ret = home_return(&home, err);
	home_done(&home);
	return ret < 0 ? ret : take_fd(&fd);
}

int view_open(const struct proc_id *id, struct error *err)
{
	char path[48];
	auto_close int fd = -1;

	(void)snprintf(path, sizeof(path), "/proc/%lld/ns/mnt", (long long)id->pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && errno != ENOENT)
		return err_set(err, -errno, "open '%s'", path);
	/* Asked after the open: the pid was not somebody else's. */
	if (fd < 0 || !proc_is_alive(id))
		return err_msg(err, -ESRCH, "process %lld has ended", (long long)id->pid);
	return take_fd(&fd);
}

/* One mount on its way into the view. */
struct item {
	const char *destination;
	int fd; /* a mount that is mounted nowhere yet */
	bool is_dir;
	bool is_cover; /* an empty directory in place of what only the guest has */
	dev_t device;  /* of a cover */
};

static int make_cover(const struct oci_mount *mount, struct item *item, struct error *err)
{
	auto_close int fs = fsopen("tmpfs", FSOPEN_CLOEXEC);
	struct stat st;

	if (fs < 0 || fsconfig(fs, FSCONFIG_SET_STRING, "size", "64k", 0) < 0 ||
	    fsconfig(fs, FSCONFIG_SET_STRING, "mode", "0755", 0) < 0 ||
	    fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return err_set(err, -errno, "make an empty directory");
	item->fd = fsmount(fs, FSMOUNT_CLOEXEC,
			   MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
	if (item->fd < 0 || fstat(item->fd, &st) < 0)
		return err_set(err, -errno, "make an empty directory");
	item->destination = mount->destination;
	item->device = st.st_dev;
	item->is_dir = item->is_cover = true;
	return 0;
}

static const struct share_mount *find_shared(const struct share *share, const char *source)
{
	for (size_t i = 0; source && i < share->n_mounts; i++)
		if (share->mounts[i].target == source)
			return &share->mounts[i];
	return NULL;
}

/* share_plan() has made the sources of what is shared the places in the share, and left those of
 * the guest's own absolute. */
static int pick_up(const struct share *share, const struct oci_mount *mount, struct item *item,
		   struct error *err)
{
	const struct share_mount *shared = find_shared(share, mount->source);

	if (!shared)
		return make_cover(mount, item, err);
	item->fd = share_pick_up(shared, err);
	item->destination = mount->destination;
	item->is_dir = shared->is_dir;
	return item->fd < 0 ? item->fd : 0;
}

static bool is_on_cover(int dir_fd, const struct item *items, size_t n)
{
	struct stat st;

	if (fstat(dir_fd, &st) < 0)
		return false;
	for (size_t i = 0; i < n; i++)
		if (items[i].is_cover && items[i].device == st.st_dev)
			return true;
	return false;
}

static int make_node(int dir_fd, const char *name, bool is_dir)
{
	if (is_dir)
		return mkdirat(dir_fd, name, 0755) < 0 ? -errno : 0;
	auto_close int fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

	return fd < 0 ? -errno : 0;
}

/*
 * Opens the place of items[n]. The guest has made all but those that lie in a file system of its
 * own: these are made on the cover of that, and never in the container's files. We are in the view,
 * so no link leads out of it.
 */
static int open_place(const struct item *items, size_t n)
{
	const char *rest = items[n].destination;
	int fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

	while (fd >= 0 && rest[strspn(rest, "/")]) {
		char name[NAME_MAX + 1];
		size_t len;
		bool is_last;
		int next;

		rest += strspn(rest, "/");
		len = strcspn(rest, "/");
		is_last = rest[len + strspn(rest + len, "/")] == '\0';
		if (snprintf(name, sizeof(name), "%.*s", (int)len, rest) >= (int)sizeof(name)) {
			(void)close(fd);
			return -ENAMETOOLONG;
		}
		next = openat(fd, name, O_PATH | O_CLOEXEC);
		if (next < 0 && errno == ENOENT && !items[n].is_cover &&
		    is_on_cover(fd, items, n) &&
		    make_node(fd, name, !is_last || items[n].is_dir) == 0)
			next = openat(fd, name, O_PATH | O_CLOEXEC);
		next = next < 0 ? -errno : next;
		(void)close(fd);
		fd = next;
		rest += len;
	}
	return fd;
}

/* What finds no place is a file system of the guest's inside another one, or a mount on what the
 * container has taken away again: nobody can see it there either. */
static void put_down(const struct item *items, size_t n)
{
	auto_close int place = open_place(items, n);

	if (place < 0 || move_mount(items[n].fd, "", place, "",
				    MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		log_debug("show the mount at '%s' on the host: %s", items[n].destination,
			  strerror(place < 0 ? -place : errno));
}

struct filling {
	const struct proc_id *id;
	const struct share *share;
	const struct oci_spec *spec;
};

/* In a process of its own, which has nothing to close. */
static int fill(void *arg, struct error *err)
{
	const struct filling *filling = arg;
	const struct oci_mount *mounts = filling->spec->mounts.items;
	struct mount_attr readonly = { .attr_set = MOUNT_ATTR_RDONLY };
	size_t n = filling->spec->mounts.len;
	struct item *items = calloc(n + 1, sizeof(*items));
	int ns_fd = view_open(filling->id, err);

	if (!items || ns_fd < 0)
		return ns_fd < 0 ? ns_fd : err_set(err, -ENOMEM, "show a container's mounts");
	for (size_t i = 0; i < n; i++) {
		int ret = pick_up(filling->share, &mounts[i], &items[i], err);

		if (ret < 0)
			return ret;
	}
	if (setns(ns_fd, CLONE_NEWNS) < 0)
		return err_set(err, -errno, "enter the mounts of process %lld",
			       (long long)filling->id->pid);
	for (size_t i = 0; i < n; i++)
		put_down(items, i);
	for (size_t i = 0; i < n; i++)
		if (items[i].is_cover &&
		    mount_setattr(items[i].fd, "", AT_EMPTY_PATH, &readonly, sizeof(readonly)) < 0)
			return err_set(err, -errno, "make '%s' read-only", items[i].destination);
	return 0;
}

int view_fill(const struct proc_id *id, const struct share *share, const struct oci_spec *spec,
	      struct error *err)
{
	struct filling filling = { id, share, spec };

	return spec->mounts.len > 0 ? spawn_call(fill, &filling, err) : 0;
}
