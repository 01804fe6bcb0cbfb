#include "runtime/storage/image_cache.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "runtime/storage/image_cache_internal.h"

enum { DIR_MODE = 0700, OPEN_TRIES = 64 };

/* Others could put images there: it is ours alone. */
static int check_owner(int fd, const char *dir, struct error *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_set(err, -errno, "look at '%s'", dir);
	if (st.st_uid == geteuid() && !(st.st_mode & 0077))
		return 0;
	err_msg(err, -EPERM, "the image cache '%s' is open to others", dir);
	return err_hint(err, "it must belong to user %u and have mode 0700", (unsigned)geteuid());
}

int image_cache_open(const struct image_cache *cache, bool make, struct error *err)
{
	int ret = make ? fs_mkdir_all(cache->dir, DIR_MODE) : 0;
	auto_close int fd = ret < 0 ? ret : fs_open_dir_at(AT_FDCWD, cache->dir);

	if (fd == -ENOENT && !make)
		return fd;
	if (fd < 0)
		return err_set(err, fd, "open the image cache '%s'", cache->dir);
	ret = check_owner(fd, cache->dir, err);
	return ret < 0 ? ret : take_fd(&fd);
}

/* Locks it, and makes sure that it was not removed meanwhile: -EAGAIN. */
static int lock_entry(int fd, int timeout_ms)
{
	struct stat st;
	int ret;

	if (timeout_ms > 0)
		ret = fs_lock_wait(fd, timeout_ms);
	else
		ret = flock(fd, LOCK_EX | LOCK_NB) < 0 ? -errno : 0;
	if (ret == -EWOULDBLOCK)
		return -ETIMEDOUT;
	if (ret < 0 || fstat(fd, &st) < 0)
		return ret < 0 ? ret : -errno;
	return st.st_nlink == 0 ? -EAGAIN : 0;
}

int image_entry_lock(int cache_fd, const char *name, bool make, int timeout_ms)
{
	for (int i = 0; i < OPEN_TRIES; i++) {
		auto_close int fd = -1;
		int ret;

		if (make && mkdirat(cache_fd, name, DIR_MODE) < 0 && errno != EEXIST)
			return -errno;
		fd = fs_open_dir_at(cache_fd, name);
		if (fd == -ENOENT && make)
			continue;
		ret = fd < 0 ? fd : lock_entry(fd, timeout_ms);
		if (ret == 0)
			return take_fd(&fd);
		if (ret != -EAGAIN)
			return ret;
	}
	return -EAGAIN;
}

static int add_user(int fd, const struct proc_id *user)
{
	char name[IMAGE_USER_LEN];
	auto_close int file = -1;

	(void)snprintf(name, sizeof(name), IMAGE_USERS "/%lld-%llu", (long long)user->pid,
		       (unsigned long long)user->start_time);
	if (mkdirat(fd, IMAGE_USERS, DIR_MODE) < 0 && errno != EEXIST)
		return -errno;
	file = openat(fd, name, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (file < 0)
		return -errno;
	/* the time of last use */
	return futimens(fd, NULL) < 0 ? -errno : 0;
}

static int name_files(struct image_entry *entry, const char *dir, const char *name)
{
	if (asprintf(&entry->dir, "%s/%s", dir, name) < 0)
		entry->dir = NULL;
	if (entry->dir && asprintf(&entry->image, "%s/" IMAGE_FILE, entry->dir) < 0)
		entry->image = NULL;
	if (entry->image && asprintf(&entry->part, "%s/" IMAGE_PART, entry->dir) < 0)
		entry->part = NULL;
	return entry->part ? 0 : -ENOMEM;
}

static void unlock(struct image_entry *entry)
{
	if (entry->locked)
		(void)flock(entry->fd, LOCK_UN);
	entry->locked = false;
}

/* A part that is there under a lock which was free: its maker was killed. */
static int look_inside(struct image_entry *entry, const struct proc_id *user)
{
	int ret;

	if (unlinkat(entry->fd, IMAGE_PART, 0) < 0 && errno != ENOENT)
		return -errno;
	ret = fs_exists_at(entry->fd, IMAGE_FILE);
	if (ret <= 0)
		return ret;
	(void)!image_entry_has_users(entry->fd);
	ret = add_user(entry->fd, user);
	if (ret < 0)
		return ret;
	entry->present = true;
	unlock(entry);
	return 0;
}

int image_entry_open(const struct image_cache *cache, const char *name, int timeout_ms,
		     const struct proc_id *user, struct image_entry *entry, struct error *err)
{
	auto_close int cache_fd = image_cache_open(cache, true, err);
	int ret = cache_fd < 0 ? cache_fd : name_files(entry, cache->dir, name);

	if (cache_fd < 0)
		return ret;
	if (ret == 0)
		ret = image_entry_lock(cache_fd, name, true, timeout_ms);
	if (ret >= 0) {
		entry->fd = ret;
		entry->locked = true;
		ret = look_inside(entry, user);
	}
	if (ret == 0)
		return 0;
	image_entry_done(entry);
	return ret == -ETIMEDOUT
		       ? err_msg(err, ret, "another process packs the same and is not done")
		       : err_set(err, ret, "open '%s/%s'", cache->dir, name);
}

/* A file that a crash of the host has left empty must not bear the name. */
static int settle(const struct image_entry *entry)
{
	auto_close int fd = openat(entry->fd, IMAGE_PART, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0 || fsync(fd) < 0 || fchmod(fd, 0400) < 0)
		return -errno;
	return renameat(entry->fd, IMAGE_PART, entry->fd, IMAGE_FILE) < 0 ? -errno : 0;
}

int image_entry_publish(const struct image_cache *cache, struct image_entry *entry,
			const struct proc_id *user, struct error *err)
{
	int ret = settle(entry);

	if (ret == 0)
		ret = add_user(entry->fd, user);
	if (ret < 0)
		return err_set(err, ret, "keep the image '%s'", entry->image);
	entry->present = true;
	unlock(entry);
	return image_cache_trim(cache, cache->max_bytes, false, NULL, NULL, err);
}

int image_entry_use(const struct image_entry *entry, const struct proc_id *user, struct error *err)
{
	int ret = add_user(entry->fd, user);

	return ret < 0 ? err_set(err, ret, "use the image '%s'", entry->image) : 0;
}

void image_entry_done(struct image_entry *entry)
{
	if (entry->locked && !entry->present) {
		(void)unlinkat(entry->fd, IMAGE_PART, 0);
		(void)rmdir(entry->dir);
	}
	unlock(entry);
	cleanup_close(&entry->fd);
	cleanup_free(&entry->dir);
	cleanup_free(&entry->image);
	cleanup_free(&entry->part);
	entry->present = false;
}
