/* What a container is to see is put into a machine that runs already. */
#include "runtime/sandbox/create_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include "base/cleanup.h"

/* In a process of its own. */
static int mount_share(void *arg, struct error *err)
{
	const struct create *create = arg;
	auto_close int ns = -1;
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/%lld/ns/mnt",
		       (long long)create->rec.state.vmm.pid);
	ns = open(path, O_RDONLY | O_CLOEXEC);
	if (ns < 0)
		return err_set(err, -errno, "open the mounts of the virtual machine, process %lld",
			       (long long)create->rec.state.vmm.pid);
	/* What has been opened belongs to the process that we know only if that still lives. */
	if (!proc_is_alive(&create->rec.state.vmm))
		return err_msg(err, -ESRCH, "the virtual machine has ended");
	return share_mount_into(&create->share, ns, err);
}

int create_fill_share(struct create *create, const char *dir, int dir_fd, struct error *err)
{
	auto_close int fd =
		openat(dir_fd, MACHINE_SHARE, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	const char *own = create->share.dir;
	int ret;

	create->share.dir = arena_printf(&create->arena, "%s/%s", dir, MACHINE_SHARE);
	if (!create->share.dir)
		ret = err_set(err, -ENOMEM, "share '%s'", own);
	else if (fd < 0)
		ret = err_set(err, -errno, "open '%s'", create->share.dir);
	else
		ret = share_make_targets(&create->share, fd, err);
	if (ret == 0)
		ret = spawn_call(mount_share, create, err);
	if (ret < 0)
		create->share.dir = own;
	return ret;
}
