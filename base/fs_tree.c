/* The part of fs.h that removes trees. */
#include "base/fs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/sys_internal.h"

/* How often a directory may turn out not empty after it was emptied. */
enum { SAME_DIR_TRIES = 16 };

/* What makes a directory recognisable on the way back up. */
struct dir_key {
	dev_t dev;
	ino_t ino;
};

/*
 * A walk that removes. It holds one descriptor whatever the depth: the way down is remembered by
 * keys, the way up goes through ".." and is compared with them, so that a directory moved meanwhile
 * ends the walk.
 */
struct removal {
	DIR *here;
	struct dir_key *above;
	size_t depth;
	size_t cap;
	struct dir_key emptied; /* the directory left last, and how often in a row */
	unsigned emptied_times;
};

static int key_of(int fd, struct dir_key *key)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	*key = (struct dir_key){ .dev = st.st_dev, .ino = st.st_ino };
	return 0;
}

static bool same_key(const struct dir_key *a, const struct dir_key *b)
{
	return a->dev == b->dev && a->ino == b->ino;
}

/* Opens a directory right below (or, by "..", right above) dir, on the same mount. A mount point
 * yields -EBUSY. */
static int open_neighbour(int dir, const char *name)
{
	struct open_how how = {
		.flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
		.resolve = RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS,
	};
	int fd;

	do {
		fd = sys_openat2(dir, name, &how);
	} while (fd < 0 && errno == EINTR);
	if (fd < 0)
		return errno == EXDEV ? -EBUSY : -errno;
	return fd;
}

/* Makes the walk stand in fd (taken over in any case). */
static int enter(struct removal *rm, int fd)
{
	DIR *dir = fdopendir(fd);

	if (!dir) {
		int ret = -errno;

		(void)close(fd);
		return ret < 0 ? ret : -EIO;
	}
	if (rm->here)
		(void)closedir(rm->here);
	rm->here = dir;
	return 0;
}

static int push_key(struct removal *rm)
{
	if (rm->depth == rm->cap) {
		size_t cap = rm->cap ? rm->cap * 2 : 16;
		struct dir_key *grown = reallocarray(rm->above, cap, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		rm->above = grown;
		rm->cap = cap;
	}
	return key_of(dirfd(rm->here), &rm->above[rm->depth++]);
}

/* Removes dir/name unless it is a directory with something in it. 0 also when missing; 1: it has to
 * be emptied first. */
static int remove_entry(int dir, const char *name)
{
	if (unlinkat(dir, name, 0) == 0 || errno == ENOENT)
		return 0;
	/* EPERM is what POSIX wants for a directory and what some file systems give */
	if (errno != EISDIR && errno != EPERM)
		return -errno;
	if (unlinkat(dir, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
		return 0;
	if (errno == ENOTEMPTY || errno == EEXIST)
		return 1;
	return errno == ENOTDIR ? -EPERM : -errno;
}

static int descend(struct removal *rm, const char *name)
{
	auto_close int fd = open_neighbour(dirfd(rm->here), name);
	struct dir_key key = { 0 };
	int ret;

	if (fd < 0)
		return fd;
	ret = key_of(fd, &key);
	if (ret < 0)
		return ret;
	if (rm->emptied_times >= SAME_DIR_TRIES && same_key(&key, &rm->emptied))
		return -ENOTEMPTY;
	ret = push_key(rm);
	if (ret < 0)
		return ret;
	return enter(rm, take_fd(&fd));
}

static int ascend(struct removal *rm)
{
	auto_close int fd = -1;
	struct dir_key left = { 0 };
	struct dir_key key = { 0 };
	int ret = key_of(dirfd(rm->here), &left);

	if (ret < 0)
		return ret;
	rm->emptied_times = same_key(&left, &rm->emptied) ? rm->emptied_times + 1 : 1;
	rm->emptied = left;
	fd = open_neighbour(dirfd(rm->here), "..");
	if (fd < 0)
		return fd;
	ret = key_of(fd, &key);
	if (ret < 0)
		return ret;
	if (!same_key(&key, &rm->above[--rm->depth]))
		return -ESTALE;
	return enter(rm, take_fd(&fd));
}

/* One scan of the directory the walk stands in. 0: nothing is left in it; 1: it went one level
 * down; or -errno. */
static int scan(struct removal *rm)
{
	for (;;) {
		struct dirent *entry;
		int ret;

		errno = 0;
		entry = readdir(rm->here);
		if (!entry)
			return -errno;
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		ret = remove_entry(dirfd(rm->here), entry->d_name);
		if (ret == 1)
			ret = descend(rm, entry->d_name) ?: 1;
		if (ret != 0)
			return ret;
	}
}

static int empty_tree(int fd)
{
	struct removal rm = { 0 };
	int ret = enter(&rm, fd);

	while (ret == 0) {
		ret = scan(&rm);
		if (ret == 1) {
			ret = 0;
			continue;
		}
		if (ret < 0 || rm.depth == 0)
			break;
		ret = ascend(&rm);
	}
	if (rm.here)
		(void)closedir(rm.here);
	free(rm.above);
	return ret;
}

/* Opens the directory that holds dir/path and points *base at the last component. Returns the fd.
 */
static int open_holder(int dir, char *path, const char **base)
{
	char *slash;
	size_t len = strlen(path);

	while (len > 1 && path[len - 1] == '/')
		path[--len] = '\0';
	slash = strrchr(path, '/');
	*base = slash ? slash + 1 : path;
	if (**base == '\0' || strcmp(*base, ".") == 0 || strcmp(*base, "..") == 0)
		return -EINVAL;
	if (!slash)
		return fs_open_dir_at(dir, ".");
	if (slash == path)
		return fs_open_dir_at(dir, "/");
	*slash = '\0';
	return fs_open_dir_at(dir, path);
}

int fs_remove_tree_at(int dir, const char *name)
{
	auto_free char *copy = strdup(name);
	auto_close int holder = -1;
	const char *base;

	if (!copy)
		return -ENOMEM;
	holder = open_holder(dir, copy, &base);
	if (holder < 0)
		return holder == -ENOENT ? 0 : holder;
	for (int i = 0; i < SAME_DIR_TRIES; i++) {
		int ret = remove_entry(holder, base);

		if (ret != 1)
			return ret;
		ret = open_neighbour(holder, base);
		if (ret >= 0)
			ret = empty_tree(ret);
		if (ret < 0 && ret != -ENOENT)
			return ret;
	}
	return -ENOTEMPTY;
}
