#include "agent/guest/paths.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "agent/guest/fail.h"
#include "agent/guest/inroot.h"
#include "agent/guest/mount.h"
#include "base/cleanup.h"

static int mask_path(int root_fd, const char *path)
{
	auto_close int target = inroot_open(root_fd, path);
	auto_close int null = -1;
	char name[INROOT_PROC_LEN];
	struct stat st;

	if (target < 0)
		return target;
	if (fstat(target, &st) < 0)
		return -errno;
	inroot_proc_path(target, name);
	if (S_ISDIR(st.st_mode))
		return mount("tmpfs", name, "tmpfs", MS_RDONLY, "size=0,nr_inodes=1,mode=0755") < 0
			       ? -errno
			       : 0;
	null = open("/dev/null", O_PATH | O_CLOEXEC);
	return null < 0 ? -errno : mount_bind_fd(null, target, false);
}

static int protect_path(int root_fd, const char *path)
{
	auto_close int target = inroot_open(root_fd, path);
	auto_close int mounted = -1;
	int ret;

	if (target < 0)
		return target;
	ret = mount_bind_fd(target, target, true);
	if (ret < 0)
		return ret;
	mounted = inroot_open(root_fd, path);
	return mounted < 0 ? mounted : mount_restrict(mounted, MS_RDONLY);
}

static int apply_each(const struct json_strs *paths, int root_fd,
		      int (*apply)(int root_fd, const char *path), const char *what,
		      struct error *err)
{
	for (size_t i = 0; i < paths->len; i++) {
		int ret = apply(root_fd, paths->items[i]);

		if (ret < 0 && ret != -ENOENT && ret != -ENOTDIR)
			return fail_set(err, ret, "%s path \"%s\"", what, paths->items[i]);
	}
	return 0;
}

int paths_apply(const struct oci_linux *spec, int root_fd, struct error *err)
{
	int ret;

	if (!spec)
		return 0;
	ret = apply_each(&spec->readonly_paths, root_fd, protect_path, "can't make read-only", err);
	if (ret == 0)
		ret = apply_each(&spec->masked_paths, root_fd, mask_path, "can't mask", err);
	return ret;
}
