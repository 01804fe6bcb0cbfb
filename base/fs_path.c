/* The part of fs.h that resolves and makes paths. */
#include "base/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/sys_internal.h"

/* A scoped resolution gives up with EAGAIN when a rename runs beside it. */
enum { RESOLVE_TRIES = 64 };

static int open_scoped(int root_fd, const char *path, int flags, mode_t mode, uint64_t resolve)
{
	struct open_how how = {
		.flags = (uint64_t)(unsigned)(flags | O_CLOEXEC),
		.resolve = resolve | RESOLVE_NO_MAGICLINKS,
	};

	if (flags & O_CREAT || (flags & O_TMPFILE) == O_TMPFILE)
		how.mode = mode;
	for (int i = 0; i < RESOLVE_TRIES; i++) {
		int fd = sys_openat2(root_fd, path, &how);

		if (fd >= 0)
			return fd;
		if (errno != EAGAIN && errno != EINTR)
			return -errno;
	}
	return -EAGAIN;
}

int fs_open_in_root(int root_fd, const char *path, int flags, mode_t mode)
{
	return open_scoped(root_fd, path, flags, mode, RESOLVE_IN_ROOT);
}

int fs_open_beneath(int root_fd, const char *path, int flags, mode_t mode)
{
	return open_scoped(root_fd, path, flags, mode, RESOLVE_BENEATH);
}

int fs_mkdir_all(const char *path, mode_t mode)
{
	auto_free char *copy = strdup(path);
	struct stat st;

	if (!copy)
		return -ENOMEM;
	for (char *pos = copy; *pos != '\0';) {
		char end;

		pos += strspn(pos, "/");
		pos += strcspn(pos, "/");
		end = *pos;
		*pos = '\0';
		if (mkdir(copy, mode) < 0 && errno != EEXIST)
			return -errno;
		*pos = end;
	}
	if (stat(path, &st) < 0)
		return -errno;
	return S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
}

int fs_realpath(const char *path, char **out)
{
	char *real = realpath(path, NULL);

	if (!real)
		return -errno;
	*out = real;
	return 0;
}

/* Takes the last component off; the root stays empty. */
static void drop_component(struct strbuf *buf)
{
	char *slash = buf->len > 0 ? strrchr(buf->data, '/') : NULL;

	if (!slash)
		return;
	buf->len = (size_t)(slash - buf->data);
	*slash = '\0';
}

int fs_abspath(const char *path, char **out)
{
	auto_free char *cwd = *path == '/' ? strdup("") : getcwd(NULL, 0);
	const char *parts[] = { cwd, path };
	auto_strbuf struct strbuf buf = { 0 };
	char *text;

	if (!cwd)
		return -errno;
	for (size_t i = 0; i < 2; i++) {
		for (const char *pos = parts[i]; *pos != '\0';) {
			size_t len;

			pos += strspn(pos, "/");
			len = strcspn(pos, "/");
			if (len == 2 && memcmp(pos, "..", 2) == 0)
				drop_component(&buf);
			else if (len > 0 && !(len == 1 && *pos == '.')) {
				(void)strbuf_addc(&buf, '/');
				(void)strbuf_add(&buf, pos, len);
			}
			pos += len;
		}
	}
	if (buf.len == 0)
		(void)strbuf_addc(&buf, '/');
	if (strbuf_error(&buf) < 0)
		return strbuf_error(&buf);
	text = strbuf_take(&buf);
	if (!text)
		return -ENOMEM;
	*out = text;
	return 0;
}
