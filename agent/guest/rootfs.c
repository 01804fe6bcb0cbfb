#include "agent/guest/rootfs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/guest/detached.h"
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

int rootfs_open_tree(const char *rootfs, struct error *err)
{
	auto_close int share = fs_open_dir_at(AT_FDCWD, GUEST_SHARE_DIR);
	auto_close int source = share < 0 ? share : inroot_open(share, rootfs);
	auto_close int tree = -1;
	struct stat st;
	int ret;

	if (source < 0)
		return fail_set(err, source, "open the root file system '%s' in the share", rootfs);
	if (fstat(source, &st) < 0 || !S_ISDIR(st.st_mode))
		return fail_set(err, -ENOTDIR, "root file system '%s'", rootfs);
	tree = detached_clone(source, true);
	if (tree < 0)
		return fail_set(err, tree, "bind the root file system '%s'", rootfs);
	/* the share has no devices of its own, the container's root may */
	ret = detached_allow_devices(tree);
	if (ret < 0)
		return fail_set(err, ret, "set flags of the root file system '%s'", rootfs);
	return take_fd(&tree);
}

int rootfs_attach(int tree_fd, struct error *err)
{
	auto_close int place = -1;
	int ret;
	int fd;

	if (mount(NULL, "/", NULL, MS_SLAVE | MS_REC, NULL) < 0)
		return fail_set(err, -errno, "set propagation of \"/\"");
	place = open(GUEST_ROOT_DIR, O_PATH | O_DIRECTORY | O_CLOEXEC);
	ret = place < 0 ? -errno : detached_attach(tree_fd, place);
	if (ret < 0)
		return fail_set(err, ret, "mount the root file system at '%s'", GUEST_ROOT_DIR);
	fd = fs_open_dir_at(AT_FDCWD, GUEST_ROOT_DIR);
	return fd < 0 ? fail_set(err, fd, "open '%s'", GUEST_ROOT_DIR) : fd;
}

static const struct {
	const char *name;
	unsigned long flags;
} propagations[] = {
	{ "private", MS_PRIVATE },	 { "rprivate", MS_PRIVATE | MS_REC },
	{ "slave", MS_SLAVE },		 { "rslave", MS_SLAVE | MS_REC },
	{ "shared", MS_SHARED },	 { "rshared", MS_SHARED | MS_REC },
	{ "unbindable", MS_UNBINDABLE }, { "runbindable", MS_UNBINDABLE | MS_REC },
};

static int set_propagation(const char *name, struct error *err)
{
	if (!name || !*name)
		return 0;
	for (size_t i = 0; i < sizeof(propagations) / sizeof(propagations[0]); i++)
		if (strcmp(propagations[i].name, name) == 0)
			return mount(NULL, "/", NULL, propagations[i].flags, NULL) < 0
				       ? fail_set(err, -errno, "set propagation of the root to %s",
						  name)
				       : 0;
	return err_msg(err, -EINVAL, "rootfsPropagation=%s is not supported", name);
}

int rootfs_enter(int root_fd, const char *propagation, struct error *err)
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
	/* only now that nothing outside can hear of it */
	return set_propagation(propagation, err);
}
