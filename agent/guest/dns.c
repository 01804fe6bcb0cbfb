#include "agent/guest/dns.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <linux/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "agent/guest/container.h"
#include "agent/guest/fail.h"
#include "agent/guest/inroot.h"
#include "agent/guest/task.h"
#include "base/cleanup.h"
#include "base/fs.h"

#define DNS_DIR	    "/run/dns"
#define RESOLV_CONF "/etc/resolv.conf"

enum { CONTENT_MAX = 64 << 10, PATH_LEN = 320 };

struct dns_job {
	const char *container;
	const char *content;
	int pidfd;
};

static void own_path(const char *container, char path[static PATH_LEN])
{
	(void)snprintf(path, PATH_LEN, "%s/%s", DNS_DIR, container);
}

/* Written in place: where it is mounted already, it is this file that is seen. */
static int write_own(const struct dns_job *job, struct stat *own, struct error *err)
{
	char path[PATH_LEN];
	auto_close int fd = -1;
	int ret = fs_mkdir_all(DNS_DIR, 0755);

	own_path(job->container, path);
	if (ret == 0)
		fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (ret == 0 && fd < 0)
		ret = -errno;
	if (ret == 0)
		ret = fs_write_all(fd, job->content, strlen(job->content));
	if (ret == 0 && fstat(fd, own) < 0)
		ret = -errno;
	return ret < 0 ? fail_set(err, ret, "write '%s'", path) : 0;
}

static int open_target(int root_fd)
{
	int fd = inroot_open(root_fd, RESOLV_CONF);

	return fd == -ENOENT ? inroot_make(root_fd, RESOLV_CONF, false) : fd;
}

/* Puts the tree over the container's file. 1 when it is in force, 0 when something else is mounted
 * there. */
static int cover(int root_fd, int tree_fd, const struct stat *own, struct error *err)
{
	auto_close int target = open_target(root_fd);
	struct statx st;

	if (target < 0)
		return fail_set(err, target, "open '%s' in the container", RESOLV_CONF);
	if (statx(target, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_INO, &st) < 0)
		return fail_set(err, -errno, "look at '%s' in the container", RESOLV_CONF);
	if (st.stx_attributes & STATX_ATTR_MOUNT_ROOT)
		return st.stx_ino == own->st_ino &&
		       makedev(st.stx_dev_major, st.stx_dev_minor) == own->st_dev;
	if (syscall(SYS_move_mount, tree_fd, "", target, "",
		    MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		return fail_set(err, -errno, "mount over '%s' in the container", RESOLV_CONF);
	return 1;
}

static int container_job(const void *arg, int out_fd, struct error *err)
{
	const struct dns_job *job = arg;
	const struct call_set_dns_reply reply_no = { .applied = false };
	const struct call_set_dns_reply reply_yes = { .applied = true };
	auto_strbuf struct strbuf reply = { 0 };
	auto_close int tree_fd = -1;
	auto_close int root_fd = -1;
	char path[PATH_LEN];
	struct stat own;
	int ret = write_own(job, &own, err);

	if (ret < 0)
		return ret;
	own_path(job->container, path);
	/* taken along into the container's mounts, where it has no path */
	tree_fd = (int)syscall(SYS_open_tree, AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (tree_fd < 0)
		return fail_set(err, -errno, "take '%s' along", path);
	root_fd = task_enter_mounts(job->pidfd, job->container, err);
	ret = root_fd < 0 ? root_fd : cover(root_fd, tree_fd, &own, err);
	if (ret < 0)
		return ret;
	ret = json_encode(&call_set_dns_reply_type, ret ? &reply_yes : &reply_no, 0, &reply);
	if (ret == 0)
		ret = fs_write_all(out_fd, reply.data, reply.len);
	return ret < 0 ? fail_set(err, ret, "answer") : 0;
}

static int guest_job(const void *arg, int out_fd, struct error *err)
{
	static const char reply[] = "{\"applied\":true}";
	const struct dns_job *job = arg;
	auto_close int dir = -1;
	int ret = fs_mkdir_all("/etc", 0755);

	dir = ret < 0 ? ret : fs_open_dir_at(AT_FDCWD, "/etc");
	ret = dir < 0 ? dir
		      : fs_replace_at(dir, "resolv.conf", job->content, strlen(job->content), 0644,
				      false);
	if (ret == 0)
		ret = fs_write_all(out_fd, reply, sizeof(reply) - 1);
	return ret < 0 ? fail_set(err, ret, "write '%s' of the guest", RESOLV_CONF) : 0;
}

void dns_set(struct guest *guest, const struct container *container,
	     const struct call_set_dns *call, struct slot *slot)
{
	struct dns_job job = { .content = call->content, .pidfd = -1 };

	if (strlen(call->content) > CONTENT_MAX) {
		slot_errorf(slot, "a resolv.conf of more than %d bytes", CONTENT_MAX);
		return;
	}
	if (!container) {
		task_start(guest, guest_job, &job, slot);
		return;
	}
	if (!container->init || container->init->state < PROCESS_PARKED ||
	    container->init->state == PROCESS_ENDED) {
		slot_errorf(slot, "container not running");
		return;
	}
	job.container = container->made_as;
	job.pidfd = container->init->pidfd;
	task_start(guest, container_job, &job, slot);
}

void dns_forget(const char *container_id)
{
	char path[PATH_LEN];

	own_path(container_id, path);
	(void)unlink(path);
}
