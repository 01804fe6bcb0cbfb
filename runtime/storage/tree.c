#include "runtime/storage/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/cleanup.h"

enum { FD_PATH_LEN = 40, BLOCK_BYTES = 512, TARGET_MAX = 4096 };

struct walk {
	struct tree *tree;
	struct sha256 sha;
	char *names; /* XATTR_LIST_MAX and XATTR_SIZE_MAX bytes */
	char *value;
};

/* How an entry counts; in the key as it is, so without gaps. */
struct facts {
	uint64_t mode, uid, gid, rdev;
	int64_t mtime_s, mtime_ns;
	/* of all but directories with one name */
	uint64_t inode, size;
	int64_t ctime_s, ctime_ns;
};

static void add_text(struct sha256 *sha, const char *text)
{
	sha256_add(sha, text, strlen(text) + 1);
}

static int by_name(const FTSENT **a, const FTSENT **b)
{
	return strcmp((*a)->fts_name, (*b)->fts_name);
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int add_value(struct walk *walk, const char *path, const char *name)
{
	ssize_t len = lgetxattr(path, name, walk->value, XATTR_SIZE_MAX);
	uint64_t n = len < 0 ? 0 : (uint64_t)len;

	if (len < 0)
		return -errno;
	if (strncmp(name, "user.", 5) == 0)
		walk->tree->user_xattrs = true;
	add_text(&walk->sha, name);
	sha256_add(&walk->sha, &n, sizeof(n));
	sha256_add(&walk->sha, walk->value, n);
	return 0;
}

/* In the order of their names: the file system's own may change. */
static int add_attributes(struct walk *walk, const char *path)
{
	ssize_t len = llistxattr(path, walk->names, XATTR_LIST_MAX);
	auto_free const char **sorted = NULL;
	size_t n = 0;
	int ret = 0;

	if (len <= 0)
		return len == 0 || errno == ENOTSUP ? 0 : -errno;
	sorted = calloc((size_t)len, sizeof(*sorted));
	if (!sorted)
		return -ENOMEM;
	for (const char *p = walk->names; p < walk->names + len; p += strlen(p) + 1)
		sorted[n++] = p;
	qsort(sorted, n, sizeof(*sorted), compare_names);
	for (size_t i = 0; ret == 0 && i < n; i++)
		ret = add_value(walk, path, sorted[i]);
	return ret;
}

static int add_target(struct walk *walk, const char *path)
{
	char target[TARGET_MAX];
	ssize_t len = readlink(path, target, sizeof(target));

	if (len < 0)
		return -errno;
	if ((size_t)len == sizeof(target))
		return -ENAMETOOLONG;
	sha256_add(&walk->sha, target, (size_t)len);
	return 0;
}

static void count(struct tree *tree, const struct stat *st)
{
	uint64_t stored = (uint64_t)st->st_blocks * BLOCK_BYTES;
	uint64_t size = (uint64_t)st->st_size;

	tree->entries++;
	if (!S_ISREG(st->st_mode))
		return;
	tree->bytes += size;
	tree->stored_bytes += stored < size ? stored : size;
	/* what ends in a file system's last block or in its inode is no hole */
	tree->sparse = tree->sparse || stored / 4096 < size / 4096;
}

static int add_entry(struct walk *walk, const FTSENT *entry, const char *relative)
{
	const struct stat *st = entry->fts_statp;
	struct facts facts = { 0 };
	int ret;

	facts.mode = st->st_mode;
	facts.uid = st->st_uid;
	facts.gid = st->st_gid;
	facts.rdev = S_ISBLK(st->st_mode) || S_ISCHR(st->st_mode) ? st->st_rdev : 0;
	if (entry->fts_level > FTS_ROOTLEVEL || !S_ISDIR(st->st_mode)) {
		facts.mtime_s = st->st_mtim.tv_sec;
		facts.mtime_ns = st->st_mtim.tv_nsec;
	}
	if (S_ISREG(st->st_mode) || (!S_ISDIR(st->st_mode) && st->st_nlink > 1)) {
		facts.inode = st->st_ino;
		facts.size = (uint64_t)st->st_size;
		facts.ctime_s = st->st_ctim.tv_sec;
		facts.ctime_ns = st->st_ctim.tv_nsec;
	}
	add_text(&walk->sha, relative);
	sha256_add(&walk->sha, &facts, sizeof(facts));
	ret = S_ISLNK(st->st_mode) ? add_target(walk, entry->fts_accpath) : 0;
	if (ret == 0)
		ret = add_attributes(walk, entry->fts_accpath);
	/* no attribute's name is empty */
	add_text(&walk->sha, "");
	count(walk->tree, st);
	if (entry->fts_level > FTS_ROOTLEVEL && entry->fts_namelen > walk->tree->longest_name)
		walk->tree->longest_name = entry->fts_namelen;
	return ret;
}

/* fts reads no directory twice and stats without following. */
static int walk_tree(struct walk *walk, FTS *fts, const char *path, size_t top_len,
		     struct error *err)
{
	FTSENT *entry;
	int ret;

	while ((errno = 0, entry = fts_read(fts)) != NULL) {
		const char *relative = entry->fts_path + top_len;

		switch (entry->fts_info) {
		case FTS_DP:
			continue;
		case FTS_DNR:
		case FTS_ERR:
		case FTS_NS:
			return err_set(err, entry->fts_errno ? -entry->fts_errno : -EIO,
				       "look at '%s%s'", path, relative);
		default:
			break;
		}
		ret = add_entry(walk, entry, relative);
		if (ret < 0)
			return err_set(err, ret, "look at '%s%s'", path, relative);
	}
	return errno ? err_set(err, -errno, "look at '%s'", path) : 0;
}

/* A copy of the mount without those below it; the walk goes in there. */
static int open_alone(const char *path, char fd_path[static FD_PATH_LEN])
{
	int fd = open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);

	if (fd < 0)
		return -errno;
	(void)snprintf(fd_path, FD_PATH_LEN, "/proc/self/fd/%d", fd);
	return fd;
}

static int examine(struct walk *walk, const char *top, const char *path, struct error *err)
{
	char *const tops[] = { (char *)top, NULL };
	FTS *fts = fts_open(tops, FTS_PHYSICAL | FTS_NOCHDIR | FTS_COMFOLLOW, by_name);
	int ret;

	if (!fts)
		return err_set(err, -errno, "look at '%s'", path);
	ret = walk_tree(walk, fts, path, strlen(top), err);
	(void)fts_close(fts);
	return ret;
}

int tree_examine(const char *path, bool recursive, const char *flavour, struct tree *tree,
		 struct error *err)
{
	auto_free char *buffer = malloc(XATTR_LIST_MAX + XATTR_SIZE_MAX);
	struct walk walk = { .tree = tree, .names = buffer };
	char fd_path[FD_PATH_LEN];
	auto_close int fd = -1;
	int ret;

	if (!buffer)
		return err_set(err, -ENOMEM, "look at '%s'", path);
	walk.value = buffer + XATTR_LIST_MAX;
	*tree = (struct tree){ 0 };
	sha256_init(&walk.sha);
	add_text(&walk.sha, flavour);
	if (!recursive) {
		fd = open_alone(path, fd_path);
		if (fd < 0)
			return err_set(err, fd, "look at '%s'", path);
	}
	ret = examine(&walk, fd >= 0 ? fd_path : path, path, err);
	if (ret == 0)
		sha256_end_text(&walk.sha, tree->key);
	return ret;
}
