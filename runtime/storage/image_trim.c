/* The part of image_cache.h that clears up. */
#include "runtime/storage/image_cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/log.h"
#include "runtime/storage/image_cache_internal.h"

enum { BLOCK_BYTES = 512, GROWTH = 64 };

struct item {
	char *name;
	uint64_t bytes;
	struct timespec used;
};

struct items {
	struct item *list;
	size_t n, cap;
	uint64_t bytes;
};

struct trim {
	int cache_fd;
	bool dry_run;
	void (*tell)(void *arg, const char *name, const char *why);
	void *arg;
};

static void items_done(struct items *items)
{
	for (size_t i = 0; i < items->n; i++)
		free(items->list[i].name);
	free(items->list);
}

static int add_item(struct items *items, const char *name, const struct stat *dir, uint64_t bytes)
{
	if (items->n == items->cap) {
		size_t cap = items->cap + GROWTH;
		struct item *list = reallocarray(items->list, cap, sizeof(*list));

		if (!list)
			return -ENOMEM;
		items->list = list;
		items->cap = cap;
	}
	items->list[items->n] = (struct item){ strdup(name), bytes, dir->st_mtim };
	if (!items->list[items->n].name)
		return -ENOMEM;
	items->n++;
	items->bytes += bytes;
	return 0;
}

/* Is the process that the file is named after alive? */
static bool is_alive(const char *name)
{
	struct proc_id id = { 0 };
	long long pid;
	unsigned long long start;
	int end = 0;

	if (sscanf(name, "%lld-%llu%n", &pid, &start, &end) != 2 || name[end] != '\0')
		return false;
	id.pid = pid;
	id.start_time = start;
	return proc_is_alive(&id);
}

bool image_entry_has_users(int entry_fd)
{
	int fd = fs_open_dir_at(entry_fd, IMAGE_USERS);
	auto_dir DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *file;
	bool any = false;

	if (fd == -ENOENT)
		return false;
	if (!dir) {
		cleanup_close(&fd);
		return true;
	}
	while ((file = readdir(dir)) != NULL) {
		if (file->d_name[0] == '.')
			continue;
		if (is_alive(file->d_name))
			any = true;
		else
			(void)unlinkat(dirfd(dir), file->d_name, 0);
	}
	return any;
}

/* Takes an entry away that nobody works on or uses: true. */
static bool remove_entry(const struct trim *trim, const char *name, const char *why)
{
	auto_close int fd = image_entry_lock(trim->cache_fd, name, false, 0);
	int ret;

	if (fd < 0 || image_entry_has_users(fd))
		return false;
	if (trim->tell)
		trim->tell(trim->arg, name, why);
	if (trim->dry_run)
		return true;
	ret = fs_remove_tree_at(trim->cache_fd, name);
	if (ret < 0)
		log_debug("remove the cached image '%s': %s", name, strerror(-ret));
	return ret == 0;
}

static int look_at(const struct trim *trim, const char *name, struct items *items)
{
	auto_close int fd = fs_open_dir_at(trim->cache_fd, name);
	struct stat dir, image;

	if (fd < 0 || fstat(fd, &dir) < 0)
		return 0;
	if (fstatat(fd, IMAGE_FILE, &image, AT_SYMLINK_NOFOLLOW) == 0)
		return add_item(items, name, &dir, (uint64_t)image.st_blocks * BLOCK_BYTES);
	if (errno == ENOENT)
		(void)remove_entry(trim, name, "an image that was never finished");
	return 0;
}

static int list_items(const struct trim *trim, struct items *items)
{
	int fd = fs_open_dir_at(trim->cache_fd, ".");
	auto_dir DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	int ret = 0;

	if (fd < 0)
		return fd;
	if (!dir) {
		(void)close(fd);
		return -EIO;
	}
	while (ret == 0 && (entry = readdir(dir)) != NULL)
		if (entry->d_name[0] != '.')
			ret = look_at(trim, entry->d_name, items);
	return ret;
}

static int oldest_first(const void *a, const void *b)
{
	const struct item *x = a, *y = b;

	if (x->used.tv_sec != y->used.tv_sec)
		return x->used.tv_sec < y->used.tv_sec ? -1 : 1;
	return (x->used.tv_nsec > y->used.tv_nsec) - (x->used.tv_nsec < y->used.tv_nsec);
}

int image_cache_trim(const struct image_cache *cache, uint64_t max_bytes, bool dry_run,
		     void (*tell)(void *arg, const char *name, const char *why), void *arg,
		     struct error *err)
{
	auto_close int fd = image_cache_open(cache, false, err);
	const struct trim trim = { fd, dry_run, tell, arg };
	struct items items = { 0 };
	int ret;

	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	ret = list_items(&trim, &items);
	if (items.n > 0)
		qsort(items.list, items.n, sizeof(*items.list), oldest_first);
	for (size_t i = 0; ret == 0 && i < items.n && items.bytes > max_bytes; i++)
		if (remove_entry(&trim, items.list[i].name, "an image beyond the cache's size"))
			items.bytes -= items.list[i].bytes;
	items_done(&items);
	return ret < 0 ? err_set(err, ret, "clear up the image cache '%s'", cache->dir) : 0;
}
