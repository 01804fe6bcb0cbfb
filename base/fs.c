#include "base/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

enum { READ_CHUNK = 4096, TEMP_TRIES = 16 };

int fs_write_all(int fd, const void *data, size_t len)
{
	const char *pos = data;

	while (len > 0) {
		ssize_t n = write(fd, pos, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return -EIO;
		pos += n;
		len -= (size_t)n;
	}
	return 0;
}

int fs_read_all(int fd, struct strbuf *buf, size_t max)
{
	size_t total = 0;

	for (;;) {
		char *room = strbuf_reserve(buf, READ_CHUNK);
		ssize_t n;

		if (!room)
			return strbuf_error(buf) < 0 ? strbuf_error(buf) : -ENOMEM;
		n = read(fd, room, READ_CHUNK);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return 0;
		if ((size_t)n > max - total)
			return -EFBIG;
		total += (size_t)n;
		strbuf_grown(buf, (size_t)n);
	}
}

int fs_read_file_at(int dir, const char *name, struct strbuf *buf, size_t max)
{
	auto_close int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	if (fd < 0)
		return -errno;
	return fs_read_all(fd, buf, max);
}

int fs_write_file_at(int dir, const char *name, const char *text)
{
	auto_close int fd = openat(dir, name, O_WRONLY | O_TRUNC | O_CLOEXEC | O_NOCTTY);
	size_t len = strlen(text);
	ssize_t n;

	if (fd < 0)
		return -errno;
	do {
		n = write(fd, text, len);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	return (size_t)n == len ? 0 : -EIO;
}

/* Where a file that replaces another is written first. */
struct temp {
	int dir; /* owned */
	char name[NAME_MAX + 1];
};

/* Opens the directory that holds dir/path and points *base at the last component. Returns the fd.
 */
static int open_parent(int dir, const char *path, const char **base)
{
	const char *slash = strrchr(path, '/');
	char parent[PATH_MAX];
	size_t len;
	int fd;

	*base = slash ? slash + 1 : path;
	if (**base == '\0' || strcmp(*base, ".") == 0 || strcmp(*base, "..") == 0)
		return -EINVAL;
	if (strlen(*base) > NAME_MAX)
		return -ENAMETOOLONG;
	if (!slash)
		len = (size_t)snprintf(parent, sizeof(parent), ".");
	else
		len = (size_t)snprintf(parent, sizeof(parent), "%.*s", (int)(slash - path + 1),
				       path);
	if (len >= sizeof(parent))
		return -ENAMETOOLONG;
	fd = openat(dir, parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* Makes ".base.<random>" in temp->dir. Returns its fd, open for writing. */
static int make_temp(struct temp *temp, const char *base)
{
	for (int i = 0; i < TEMP_TRIES; i++) {
		uint64_t random;
		int fd;

		if (getrandom(&random, sizeof(random), 0) != (ssize_t)sizeof(random))
			return errno ? -errno : -EIO;
		/* the dot, the base cut to fit, another dot, 16 digits */
		(void)snprintf(temp->name, sizeof(temp->name), ".%.*s.%016" PRIx64, NAME_MAX - 18,
			       base, random);
		fd = openat(temp->dir, temp->name,
			    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (fd >= 0 || errno != EEXIST)
			return fd < 0 ? -errno : fd;
	}
	return -EEXIST;
}

static int fill_temp(int fd, const void *data, size_t len, mode_t mode, bool durable)
{
	int ret = fs_write_all(fd, data, len);

	if (ret < 0)
		return ret;
	/* not by open(): the umask shall not have a say */
	if (fchmod(fd, mode) < 0)
		return -errno;
	if (durable && fsync(fd) < 0)
		return -errno;
	return 0;
}

int fs_replace_at(int dir, const char *name, const void *data, size_t len, mode_t mode,
		  bool durable)
{
	const char *base;
	auto_close int parent = open_parent(dir, name, &base);
	auto_close int fd = -1;
	struct temp temp = { .dir = parent };
	int ret;

	if (parent < 0)
		return parent;
	fd = make_temp(&temp, base);
	if (fd < 0)
		return fd;
	ret = fill_temp(fd, data, len, mode, durable);
	if (ret == 0 && renameat(parent, temp.name, parent, base) < 0)
		ret = -errno;
	if (ret < 0) {
		(void)unlinkat(parent, temp.name, 0);
		return ret;
	}
	if (durable && fsync(parent) < 0)
		return -errno;
	return 0;
}

int fs_open_dir_at(int dir, const char *path)
{
	int fd = openat(dir, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int fs_mkdir_open_at(int dir, const char *name, mode_t mode)
{
	int fd;

	if (mkdirat(dir, name, mode) < 0)
		return -errno;
	fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0) {
		int ret = -errno;

		(void)unlinkat(dir, name, AT_REMOVEDIR);
		return ret;
	}
	return fd;
}

int fs_exists_at(int dir, const char *path)
{
	struct stat st;

	if (fstatat(dir, path, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return 1;
	return errno == ENOENT || errno == ENOTDIR ? 0 : -errno;
}
