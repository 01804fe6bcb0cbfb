#include "agent/guest/rootfs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/guest/fail.h"
#include "agent/guest/guest.h"
#include "agent/guest/inroot.h"
#include "agent/guest/modules.h"
#include "base/cleanup.h"
#include "base/fs.h"

/*
 * cache=mmap keeps reads and writes on the host's file at all times, as a bind mount would, and
 * still allows shared writable mappings, which cache=none refuses.
 */
#define SHARE_OPTIONS "trans=virtio,version=9p2000.L,msize=%u,cache=mmap"

enum { DEFAULT_MSIZE = 512000 };

int rootfs_mount_share(const char *tag, uint32_t msize, struct error *err)
{
	char options[sizeof(SHARE_OPTIONS) + 10];

	/* what is built into the kernel is not there as a module: the mount itself will tell */
	(void)!modules_load("9p");
	(void)!modules_load("9pnet_virtio");
	if (mkdir(GUEST_SHARE_DIR, 0755) < 0 && errno != EEXIST)
		return fail_set(err, -errno, "create '%s'", GUEST_SHARE_DIR);
	(void)snprintf(options, sizeof(options), SHARE_OPTIONS, msize ? msize : DEFAULT_MSIZE);
	if (mount(tag, GUEST_SHARE_DIR, "9p", MS_NODEV, options) < 0)
		return fail_set(err, -errno, "mount the share '%s'", tag);
	return 0;
}

static unsigned long propagation_flags(const char *name)
{
	if (name && strcmp(name, "private") == 0)
		return MS_PRIVATE;
	if (name && strcmp(name, "rprivate") == 0)
		return MS_PRIVATE | MS_REC;
	return MS_SLAVE | MS_REC;
}

static int bind_directory(const char *rootfs, struct error *err)
{
	auto_close int share = fs_open_dir_at(AT_FDCWD, GUEST_SHARE_DIR);
	auto_close int source = share < 0 ? share : inroot_open(share, rootfs);
	char path[INROOT_PROC_LEN];
	struct stat st;

	if (source < 0)
		return fail_set(err, source, "open the root file system '%s' in the share", rootfs);
	if (fstat(source, &st) < 0 || !S_ISDIR(st.st_mode))
		return fail_set(err, -ENOTDIR, "root file system '%s'", rootfs);
	inroot_proc_path(source, path);
	if (mount(path, GUEST_ROOT_DIR, NULL, MS_BIND | MS_REC, NULL) < 0)
		return fail_set(err, -errno, "bind the root file system '%s'", rootfs);
	/* the share has no devices of its own, the container's root may */
	if (mount(NULL, GUEST_ROOT_DIR, NULL, MS_REMOUNT | MS_BIND, NULL) < 0)
		return fail_set(err, -errno, "set flags of the root file system '%s'", rootfs);
	return 0;
}

int rootfs_bind(const char *rootfs, const char *propagation, struct error *err)
{
	int fd;
	int ret;

	if (mount(NULL, "/", NULL, propagation_flags(propagation), NULL) < 0)
		return fail_set(err, -errno, "set propagation of \"/\"");
	ret = bind_directory(rootfs, err);
	if (ret < 0)
		return ret;
	fd = fs_open_dir_at(AT_FDCWD, GUEST_ROOT_DIR);
	return fd < 0 ? fail_set(err, fd, "open '%s'", GUEST_ROOT_DIR) : fd;
}

int rootfs_enter(int root_fd, struct error *err)
{
	if (fchdir(root_fd) < 0)
		return fail_set(err, -errno, "change to the new root");
	/* stacks the old root on the new one, from where it is taken away */
	if (syscall(SYS_pivot_root, ".", ".") < 0)
		return fail_set(err, -errno, "pivot_root");
	if (umount2(".", MNT_DETACH) < 0)
		return fail_set(err, -errno, "unmount the old root");
	if (chdir("/") < 0)
		return fail_set(err, -errno, "change to \"/\"");
	return 0;
}
