#include "agent/guest/detached.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/cleanup.h"

static const struct {
	unsigned long flag;
	unsigned attribute;
} attributes[] = {
	{ MS_RDONLY, MOUNT_ATTR_RDONLY },   { MS_NOSUID, MOUNT_ATTR_NOSUID },
	{ MS_NODEV, MOUNT_ATTR_NODEV },	    { MS_NOEXEC, MOUNT_ATTR_NOEXEC },
	{ MS_NOATIME, MOUNT_ATTR_NOATIME }, { MS_NODIRATIME, MOUNT_ATTR_NODIRATIME },
};

int detached_clone(int fd, bool recursive)
{
	unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH;
	int tree = open_tree(fd, "", recursive ? flags | AT_RECURSIVE : flags);

	return tree < 0 ? -errno : tree;
}

int detached_make(const char *type, const char *source, unsigned long flags)
{
	auto_close int context = fsopen(type, FSOPEN_CLOEXEC);
	unsigned wanted = 0;
	int tree;

	if (context < 0 || fsconfig(context, FSCONFIG_SET_STRING, "source", source, 0) < 0 ||
	    fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return -errno;
	for (size_t i = 0; i < sizeof(attributes) / sizeof(attributes[0]); i++)
		if (flags & attributes[i].flag)
			wanted |= attributes[i].attribute;
	tree = fsmount(context, FSMOUNT_CLOEXEC, wanted);
	return tree < 0 ? -errno : tree;
}

int detached_allow_devices(int tree_fd)
{
	struct mount_attr attr = { .attr_clr = MOUNT_ATTR_NODEV };

	return mount_setattr(tree_fd, "", AT_EMPTY_PATH, &attr, sizeof(attr)) < 0 ? -errno : 0;
}

int detached_attach(int tree_fd, int target_fd)
{
	return move_mount(tree_fd, "", target_fd, "",
			  MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0
		       ? -errno
		       : 0;
}

int *detached_list_new(size_t n)
{
	int *list = calloc(n + 1, sizeof(*list));

	for (size_t i = 0; list && i < n; i++)
		list[i] = -1;
	return list;
}

void detached_list_free(int *list, size_t n)
{
	for (size_t i = 0; list && i < n; i++)
		cleanup_close(&list[i]);
	free(list);
}
