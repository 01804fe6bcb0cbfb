#include "agent/guest/inroot.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"

enum { LINKS_MAX = 8 };

int inroot_open(int root_fd, const char *path)
{
	return fs_open_in_root(root_fd, path, O_PATH, 0);
}

static int make_path(int root_fd, const char *path, bool directory, unsigned depth);

/* A link that leads nowhere: what it names is made, inside the root. `dir` is the path it stands
 * in. */
static int make_link_target(int root_fd, int parent, const char *dir, const char *name,
			    bool directory, unsigned depth)
{
	char target[PATH_MAX];
	auto_free char *path = NULL;
	ssize_t n = readlinkat(parent, name, target, sizeof(target) - 1);

	if (n < 0)
		return errno == EINVAL ? -ENOENT : -errno;
	if (depth >= LINKS_MAX)
		return -ELOOP;
	target[n] = '\0';
	if (target[0] == '/')
		return make_path(root_fd, target, directory, depth + 1);
	if (asprintf(&path, "%s/%s", dir, target) < 0) {
		path = NULL;
		return -ENOMEM;
	}
	return make_path(root_fd, path, directory, depth + 1);
}

static int make_entry(int parent, const char *name, bool directory)
{
	auto_close int file = -1;

	if (directory)
		return mkdirat(parent, name, 0755) < 0 ? -errno : 0;
	file = openat(parent, name, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC | O_NOFOLLOW, 0644);
	return file < 0 ? -errno : 0;
}

/* Makes one level, the first len bytes of path, and opens it; it may exist, or be a link that leads
 * elsewhere inside the root. */
static int make_level(int root_fd, const char *path, size_t len, bool directory, unsigned depth)
{
	auto_free char *prefix = strndup(path, len);
	auto_close int parent = -1;
	char *name;
	int ret;

	if (!prefix)
		return -ENOMEM;
	ret = inroot_open(root_fd, prefix);
	if (ret != -ENOENT)
		return ret;
	name = strrchr(prefix, '/');
	if (name)
		*name++ = '\0';
	parent = inroot_open(root_fd, name && *prefix ? prefix : "/");
	if (parent < 0)
		return parent;
	ret = make_entry(parent, name ? name : prefix, directory);
	if (ret == -EEXIST)
		return make_link_target(root_fd, parent, name ? prefix : "", name ? name : prefix,
					directory, depth);
	if (ret < 0)
		return ret;
	if (name)
		name[-1] = '/';
	return inroot_open(root_fd, prefix);
}

static int make_path(int root_fd, const char *path, bool directory, unsigned depth)
{
	size_t len = strlen(path);
	size_t end = 0;
	int fd = -ENOENT;

	if (len >= PATH_MAX)
		return -ENAMETOOLONG;
	while (len > 1 && path[len - 1] == '/')
		len--;
	while (end < len) {
		end += strspn(path + end, "/");
		end += strcspn(path + end, "/");
		if (fd >= 0)
			(void)close(fd);
		if (end > len)
			end = len;
		fd = make_level(root_fd, path, end, directory || end < len, depth);
		if (fd < 0)
			return fd;
	}
	return fd;
}

int inroot_make(int root_fd, const char *path, bool directory)
{
	return make_path(root_fd, path, directory, 0);
}

int inroot_make_parent(int root_fd, const char *path, const char **name)
{
	const char *slash = strrchr(path, '/');
	auto_free char *dir = NULL;

	*name = slash ? slash + 1 : path;
	if (!**name || strcmp(*name, ".") == 0 || strcmp(*name, "..") == 0)
		return -EINVAL;
	if (!slash || slash == path)
		return inroot_open(root_fd, "/");
	dir = strndup(path, (size_t)(slash - path));
	return dir ? inroot_make(root_fd, dir, true) : -ENOMEM;
}

void inroot_proc_path(int fd, char out[static INROOT_PROC_LEN])
{
	(void)snprintf(out, INROOT_PROC_LEN, "/proc/self/fd/%d", fd);
}
