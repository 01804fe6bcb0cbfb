#include "agent/guest/copyup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"

enum { DEPTH_MAX = 64, SEND_MAX = 1 << 20 };

static int copy_content(int from, int to)
{
	ssize_t n;

	do {
		n = sendfile(to, from, NULL, SEND_MAX);
	} while (n > 0 || (n < 0 && errno == EINTR));
	return n < 0 ? -errno : 0;
}

static int copy_file(int from_dir, int to_dir, const char *name)
{
	auto_close int from =
		openat(from_dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	auto_close int to = -1;

	if (from < 0)
		return -errno;
	to = openat(to_dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	return to < 0 ? -errno : copy_content(from, to);
}

static int copy_link(int from_dir, int to_dir, const char *name)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(from_dir, name, target, sizeof(target) - 1);

	if (n < 0)
		return -errno;
	target[n] = '\0';
	return symlinkat(target, to_dir, name) < 0 ? -errno : 0;
}

static int copy_entry(int from_dir, int to_dir, const char *name, unsigned depth);

static int copy_entries(int from_dir, int to_dir, unsigned depth)
{
	int fd = openat(from_dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_dir DIR *list = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	int ret = 0;

	if (!list)
		return errno ? -errno : -EIO;
	while (ret == 0 && (entry = readdir(list)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			ret = copy_entry(fd, to_dir, entry->d_name, depth);
	return ret;
}

static int copy_directory(int from_dir, int to_dir, const char *name, unsigned depth)
{
	auto_close int from = -1;
	auto_close int to = -1;

	if (depth >= DEPTH_MAX)
		return -ELOOP;
	from = openat(from_dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (from < 0 || mkdirat(to_dir, name, 0700) < 0)
		return -errno;
	to = fs_open_dir_at(to_dir, name);
	return to < 0 ? to : copy_entries(from, to, depth + 1);
}

static int copy_entry(int from_dir, int to_dir, const char *name, unsigned depth)
{
	struct stat st;
	int ret;

	if (fstatat(from_dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if (S_ISDIR(st.st_mode))
		ret = copy_directory(from_dir, to_dir, name, depth);
	else if (S_ISREG(st.st_mode))
		ret = copy_file(from_dir, to_dir, name);
	else if (S_ISLNK(st.st_mode))
		ret = copy_link(from_dir, to_dir, name);
	else
		ret = mknodat(to_dir, name, st.st_mode, st.st_rdev) < 0 ? -errno : 0;
	if (ret == 0 && fchownat(to_dir, name, st.st_uid, st.st_gid, AT_SYMLINK_NOFOLLOW) < 0)
		ret = -errno;
	/* after chown, which takes set-id bits away; a link has no mode */
	if (ret == 0 && !S_ISLNK(st.st_mode) && fchmodat(to_dir, name, st.st_mode & 07777, 0) < 0)
		ret = -errno;
	return ret;
}

int copyup_tree(int from_fd, int to_fd)
{
	return copy_entries(from_fd, to_fd, 0);
}
