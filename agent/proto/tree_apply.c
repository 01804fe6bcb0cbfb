#include "agent/proto/tree_apply.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <linux/limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "agent/proto/tree_read.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/strbuf.h"

/* What is being made, beside what it is to replace. */
#define TEMP_NAME ".acrun-copy"

enum { CHUNK = 4096, FD_PATH_LEN = 300 };

/* A directory that is being filled. */
struct level {
	int fd;
	size_t path_len; /* of the paths above it */
	struct tree_entry entry;
};

struct work {
	const struct tree_apply *apply;
	struct tree_reader reader;
	struct level *levels; /* TREE_DEPTH_MAX; the first is the caller's directory */
	size_t depth;
	size_t skipped; /* how many directories deep in one that is left out; 0: in none */
	bool top_seen;
	struct strbuf path; /* of the entry at hand, for messages */
};

enum verdict { TAKE, KEEP };

static bool is_before(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec != b->tv_sec ? a->tv_sec < b->tv_sec : a->tv_nsec < b->tv_nsec;
}

/* Was anything in the directory changed? When in doubt, it was. */
static bool tree_changed(int dir, const char *name, const struct timespec *since)
{
	char path[FD_PATH_LEN];
	char *const tops[] = { path, NULL };
	bool changed = false;
	FTSENT *ent;
	FTS *fts;

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", dir, name);
	fts = fts_open(tops, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	if (!fts)
		return true;
	while (!changed && (ent = fts_read(fts)) != NULL) {
		if (ent->fts_info == FTS_NS || ent->fts_info == FTS_DNR || ent->fts_info == FTS_ERR)
			changed = true;
		else
			changed = !is_before(&ent->fts_statp->st_ctim, since);
	}
	(void)fts_close(fts);
	return changed;
}

/* May the entry take the place of what is there? -ENOENT: nothing is. */
static int judge(const struct work *work, int dir, const char *name, const struct tree_entry *entry,
		 enum verdict *verdict)
{
	const struct tree_apply *apply = work->apply;
	const struct timespec theirs = { entry->mtime_s, entry->mtime_ns };
	struct stat st;

	*verdict = TAKE;
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if (apply->since.tv_sec == 0)
		return 0;
	if (S_ISDIR(st.st_mode)) {
		if (!tree_changed(dir, name, &apply->since))
			return 0;
		*verdict = KEEP;
	} else {
		if (is_before(&st.st_ctim, &apply->since))
			return 0;
		*verdict = is_before(&theirs, &st.st_mtim) ? KEEP : TAKE;
	}
	if (apply->tell)
		apply->tell(apply->arg, strbuf_str(&work->path), *verdict == KEEP);
	return 0;
}

static int set_xattrs(struct work *work, int fd, const struct tree_entry *entry)
{
	const uint8_t *at = work->reader.xattrs;
	struct tree_xattr xattr;
	char name[XATTR_NAME_MAX + 1];
	int ret;

	while (tree_next_xattr(&at, work->reader.xattrs + entry->xattrs_len, &xattr, &ret)) {
		memcpy(name, xattr.name, xattr.name_len);
		name[xattr.name_len] = '\0';
		if (!tree_xattr_is_copied(name))
			return -EBADMSG;
		/* memory file systems have fewer of them */
		if (fsetxattr(fd, name, xattr.value, xattr.value_len, 0) < 0 && errno != ENOTSUP)
			return -errno;
	}
	return ret;
}

/* All but the times of a directory, which its entries would change. */
static int set_owner(struct work *work, int fd, const struct tree_entry *entry)
{
	if (fchown(fd, entry->uid, entry->gid) < 0 || fchmod(fd, entry->mode) < 0)
		return -errno;
	return set_xattrs(work, fd, entry);
}

static int set_times(int fd, const struct tree_entry *entry)
{
	const struct timespec times[] = { { .tv_nsec = UTIME_OMIT },
					  { entry->mtime_s, entry->mtime_ns } };

	return futimens(fd, times) < 0 ? -errno : 0;
}

static bool is_zero(const uint8_t *data, size_t len)
{
	return data[0] == 0 && memcmp(data, data + 1, len - 1) == 0;
}

/* Blocks of zeros stay holes. */
static int write_content(struct work *work, int fd, uint64_t size)
{
	uint8_t chunk[CHUNK];
	uint64_t left = size;

	while (left > 0) {
		size_t n = left < sizeof(chunk) ? (size_t)left : sizeof(chunk);
		int ret = tree_read(&work->reader, chunk, n);

		if (ret < 0)
			return ret;
		if (is_zero(chunk, n))
			ret = lseek(fd, (off_t)n, SEEK_CUR) < 0 ? -errno : 0;
		else
			ret = fs_write_all(fd, chunk, n);
		if (ret < 0)
			return ret;
		left -= n;
	}
	return ftruncate(fd, (off_t)size) < 0 ? -errno : 0;
}

static int fill_file(struct work *work, int fd, const struct tree_entry *entry)
{
	int ret = write_content(work, fd, entry->size);

	if (ret == 0)
		ret = set_owner(work, fd, entry);
	return ret == 0 ? set_times(fd, entry) : ret;
}

static int make_file(struct work *work, int dir, const char *temp, const struct tree_entry *entry)
{
	auto_close int fd =
		openat(dir, temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	return fd < 0 ? -errno : fill_file(work, fd, entry);
}

static int write_in_place(struct work *work, int dir, const char *name,
			  const struct tree_entry *entry)
{
	auto_close int fd = openat(dir, name, O_WRONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -ESTALE;
	if (ftruncate(fd, 0) < 0)
		return -errno;
	return fill_file(work, fd, entry);
}

static int make_link(struct work *work, int dir, const char *temp, const struct tree_entry *entry)
{
	const struct timespec times[] = { { .tv_nsec = UTIME_OMIT },
					  { entry->mtime_s, entry->mtime_ns } };
	char target[TREE_TARGET_MAX + 1];
	int ret = tree_read(&work->reader, target, entry->size);

	if (ret < 0)
		return ret;
	target[entry->size] = '\0';
	if (strlen(target) != entry->size)
		return -EBADMSG;
	if (symlinkat(target, dir, temp) < 0 ||
	    fchownat(dir, temp, entry->uid, entry->gid, AT_SYMLINK_NOFOLLOW) < 0 ||
	    utimensat(dir, temp, times, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	return 0;
}

static int make_pipe(int dir, const char *temp, const struct tree_entry *entry)
{
	if (mkfifoat(dir, temp, 0600) < 0 ||
	    fchownat(dir, temp, entry->uid, entry->gid, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	return fchmodat(dir, temp, entry->mode, 0) < 0 ? -errno : 0;
}

static int remove_entry(int dir, const char *name)
{
	return fs_remove_tree_at(dir, name);
}

/* A new entry, complete before it has the name. */
static int replace(struct work *work, int dir, const char *name, const struct tree_entry *entry)
{
	struct stat st;
	int ret = remove_entry(dir, TEMP_NAME);

	if (ret == 0 && entry->kind == TREE_FILE)
		ret = make_file(work, dir, TEMP_NAME, entry);
	else if (ret == 0 && entry->kind == TREE_LINK)
		ret = make_link(work, dir, TEMP_NAME, entry);
	else if (ret == 0)
		ret = make_pipe(dir, TEMP_NAME, entry);
	if (ret == 0 && fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode))
		ret = remove_entry(dir, name);
	if (ret == 0 && renameat(dir, TEMP_NAME, dir, name) < 0)
		ret = -errno;
	if (ret < 0)
		(void)unlinkat(dir, TEMP_NAME, 0);
	return ret;
}

static int apply_leaf(struct work *work, int dir, const char *name, const struct tree_entry *entry)
{
	enum verdict verdict;
	int ret = judge(work, dir, name, entry, &verdict);

	if (ret < 0 && ret != -ENOENT)
		return ret;
	if (verdict == KEEP)
		return tree_read_skip(&work->reader, entry->size);
	if (entry->kind == TREE_GONE)
		return ret == 0 ? remove_entry(dir, name) : 0;
	if (ret == 0 && work->depth == 0 && work->apply->in_place && entry->kind == TREE_FILE)
		return write_in_place(work, dir, name, entry);
	return replace(work, dir, name, entry);
}

/* What was in a directory that was removed and made anew. */
static int clear_dir(struct work *work, int fd)
{
	const struct tree_entry nothing = { .kind = TREE_GONE, .mtime_s = INT64_MAX };
	char path[FD_PATH_LEN];
	char *const tops[] = { path, NULL };
	int ret = 0;
	FTS *fts;

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	fts = fts_open(tops, FTS_PHYSICAL | FTS_NOCHDIR | FTS_COMFOLLOW, NULL);
	if (!fts || !fts_read(fts))
		ret = -errno;
	for (FTSENT *ent = ret < 0 ? NULL : fts_children(fts, 0); ret == 0 && ent;
	     ent = ent->fts_link) {
		enum verdict verdict = TAKE;

		ret = judge(work, fd, ent->fts_name, &nothing, &verdict);
		if (ret == 0 && verdict == TAKE)
			ret = remove_entry(fd, ent->fts_name);
	}
	if (fts)
		(void)fts_close(fts);
	return ret;
}

static int open_level(struct work *work, int dir, const char *name, const struct tree_entry *entry)
{
	auto_close int fd = -1;
	struct level *level;
	int ret = 0;

	if (work->depth + 1 >= TREE_DEPTH_MAX)
		return -ELOOP;
	if (mkdirat(dir, name, 0700) < 0 && errno != EEXIST)
		return -errno;
	fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (entry->fresh)
		ret = clear_dir(work, fd);
	if (ret == 0)
		ret = set_owner(work, fd, entry);
	if (ret < 0)
		return ret;
	level = &work->levels[++work->depth];
	level->fd = take_fd(&fd);
	level->path_len = work->path.len;
	level->entry = *entry;
	return 0;
}

static int apply_dir(struct work *work, int dir, const char *name, const struct tree_entry *entry)
{
	enum verdict verdict;
	struct stat st;
	int ret;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISDIR(st.st_mode)) {
		ret = judge(work, dir, name, entry, &verdict);
		if (ret == 0 && verdict == KEEP) {
			work->skipped = 1;
			return 0;
		}
		if (ret == 0)
			ret = remove_entry(dir, name);
		if (ret < 0)
			return ret;
	}
	return open_level(work, dir, name, entry);
}

static int close_level(struct work *work)
{
	struct level *level = &work->levels[work->depth];
	int ret;

	if (work->depth == 0)
		return -EBADMSG;
	ret = set_times(level->fd, &level->entry);
	cleanup_close(&level->fd);
	work->depth--;
	return ret;
}

static int skip_entry(struct work *work, const struct tree_entry *entry)
{
	if (entry->kind == TREE_END)
		return -EBADMSG;
	if (entry->kind == TREE_DIR)
		work->skipped++;
	else if (entry->kind == TREE_UP)
		work->skipped--;
	return tree_read_skip(&work->reader, entry->size);
}

/* Paths in messages begin below the top. */
static int set_path(struct work *work, const struct tree_entry *entry)
{
	if (work->path.data) {
		work->path.len = work->levels[work->depth].path_len;
		work->path.data[work->path.len] = '\0';
	}
	if (work->depth > 0)
		(void)strbuf_addf(&work->path, "/%s", entry->name);
	return strbuf_error(&work->path);
}

static int apply_entry(struct work *work, const struct tree_entry *entry)
{
	int dir = work->levels[work->depth].fd;
	const char *name = work->depth == 0 ? work->apply->name : entry->name;
	int ret;

	if (work->skipped > 0)
		return skip_entry(work, entry);
	if (entry->kind == TREE_UP)
		return close_level(work);
	/* one top entry, and it is not taken away */
	if (work->depth == 0 && (work->top_seen || entry->kind == TREE_GONE))
		return -EBADMSG;
	work->top_seen = true;
	ret = set_path(work, entry);
	if (ret < 0)
		return ret;
	return entry->kind == TREE_DIR ? apply_dir(work, dir, name, entry)
				       : apply_leaf(work, dir, name, entry);
}

static int apply_all(struct work *work)
{
	struct tree_entry entry;
	int ret = tree_read_magic(&work->reader);

	while (ret == 0) {
		ret = tree_read_entry(&work->reader, &entry);
		if (ret == 0 && entry.kind == TREE_END && work->skipped == 0)
			return work->depth == 0 ? 0 : -EBADMSG;
		if (ret == 0)
			ret = apply_entry(work, &entry);
	}
	return ret;
}

int tree_apply(const struct tree_apply *apply, int in_fd, int dir_fd, struct error *err)
{
	auto_free uint8_t *buffer = malloc(TREE_READ_LEN + TREE_XATTRS_MAX);
	auto_free struct level *levels = calloc(TREE_DEPTH_MAX, sizeof(*levels));
	struct work work = {
		.apply = apply,
		.reader = { .fd = in_fd, .bytes_left = apply->max_bytes, .in = buffer },
		.levels = levels,
	};
	int ret;

	if (!buffer || !levels)
		return err_set(err, -ENOMEM, "copy to '%s'", apply->name);
	work.reader.xattrs = buffer + TREE_READ_LEN;
	levels[0].fd = dir_fd;
	ret = apply_all(&work);
	if (ret < 0)
		(void)err_set(err, ret, "copy to '%s%s'", apply->name, strbuf_str(&work.path));
	while (work.depth > 0)
		cleanup_close(&work.levels[work.depth--].fd);
	strbuf_done(&work.path);
	return ret < 0 ? ret : 0;
}
