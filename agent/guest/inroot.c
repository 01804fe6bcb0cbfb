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

int inroot_open(int root_fd, const char *path)
{
	return fs_open_in_root(root_fd, path, O_PATH, 0);
}

/* Makes one level and opens it; it may exist, or be a link that leads elsewhere inside the root. */
static int make_level(int root_fd, const char *path, size_t len, bool directory)
{
	auto_free char *prefix = strndup(path, len);
	auto_close int parent = -1;
	auto_close int file = -1;
	char *name;
	int fd;

	if (!prefix)
		return -ENOMEM;
	fd = inroot_open(root_fd, prefix);
	if (fd != -ENOENT)
		return fd;
	name = strrchr(prefix, '/');
	if (name)
		*name++ = '\0';
	parent = inroot_open(root_fd, name && *prefix ? prefix : "/");
	if (parent < 0)
		return parent;
	name = name ? name : prefix;
	if (directory) {
		if (mkdirat(parent, name, 0755) < 0 && errno != EEXIST)
			return -errno;
	} else {
		file = openat(parent, name, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC | O_NOFOLLOW,
			      0644);
		if (file < 0 && errno != EEXIST)
			return -errno;
	}
	return inroot_open(parent, name);
}

int inroot_make(int root_fd, const char *path, bool directory)
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
		fd = make_level(root_fd, path, end, directory || end < len);
		if (fd < 0)
			return fd;
	}
	return fd;
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
