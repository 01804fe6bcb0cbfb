#include "agent/guest/trees.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/guest/fail.h"
#include "agent/guest/files.h"
#include "agent/guest/layers.h"
#include "agent/proto/tree_apply.h"
#include "agent/proto/tree_pack.h"
#include "base/cleanup.h"
#include "base/fs.h"

/* Opens a file among the guest's own, by one component. */
static int open_file(const char *name, int flags, int *dir, struct error *err)
{
	int ret = name_is_valid(name) ? fs_mkdir_all(GUEST_FILES_DIR, 0755) : -EINVAL;

	if (ret == 0)
		ret = *dir = fs_open_dir_at(AT_FDCWD, GUEST_FILES_DIR);
	if (ret >= 0)
		ret = openat(*dir, name, flags | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (ret < 0 && *dir >= 0)
		ret = -errno;
	return ret < 0 ? fail_set(err, ret, "open the file '%s'", name) : ret;
}

static int unpack(const struct layers *layers, int fd, struct error *err)
{
	/* the host has no reason to send more than the machine has room for */
	const struct tree_apply apply = { .name = LAYERS_TREE, .max_bytes = UINT64_MAX };
	auto_close int dir = fs_open_dir_at(AT_FDCWD, layers->image);

	return dir < 0 ? fail_set(err, dir, "open '%s'", layers->image)
		       : tree_apply(&apply, fd, dir, err);
}

int trees_put(const struct call_puttree *call, struct error *err)
{
	auto_close int dir = -1;
	auto_close int fd = open_file(call->file, O_RDONLY, &dir, err);
	struct layers layers;
	int ret = fd < 0 ? fd : layers_name(call->target, &layers, err);

	if (ret == 0)
		ret = layers_make(&layers, err);
	if (ret < 0)
		return ret;
	ret = unpack(&layers, fd, err);
	if (ret == 0)
		ret = layers_show(&layers, false, call->layer, err);
	if (ret < 0)
		layers_remove(&layers);
	(void)unlinkat(dir, call->file, 0);
	return ret;
}

/* A disk that is written to itself is as good as the host's once it is written back. */
static int write_back(const struct layers *layers, struct error *err)
{
	auto_close int fd = fs_open_dir_at(AT_FDCWD, layers->image);

	if (fd < 0)
		return fail_set(err, fd, "open '%s'", layers->image);
	return syncfs(fd) < 0 ? fail_set(err, -errno, "write '%s' back", layers->image) : 0;
}

int trees_take(const struct call_taketree *call, uint64_t *bytes, struct error *err)
{
	char path[LAYERS_PATH_MAX + sizeof("/" LAYERS_TREE)];
	const struct tree_pack pack = {
		.path = path, .as = LAYERS_TREE, .layer = true, .max_bytes = call->max_bytes
	};
	auto_close int dir = -1;
	auto_close int fd = -1;
	struct layers layers;
	struct stat st;
	int ret = layers_name(call->target, &layers, err);

	*bytes = 0;
	if (ret < 0)
		return ret;
	if (lstat(layers.upper, &st) < 0 && errno == ENOENT)
		return write_back(&layers, err);
	if (lstat(layers.upper, &st) < 0)
		return fail_set(err, -errno, "look at what was written over '%s'", call->target);
	(void)snprintf(path, sizeof(path), "%s/" LAYERS_TREE, layers.upper);
	if (lstat(path, &st) < 0)
		return errno == ENOENT ? 0 : fail_set(err, -errno, "look at '%s'", path);
	fd = open_file(call->file, O_WRONLY | O_CREAT | O_TRUNC, &dir, err);
	if (fd < 0)
		return fd;
	ret = tree_pack(&pack, fd, bytes, err);
	if (ret < 0)
		(void)unlinkat(dir, call->file, 0);
	return ret;
}
