#include "agent/guest/userns.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <linux/sched.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/guest/detached.h"
#include "agent/guest/dev.h"
#include "agent/guest/devfilter.h"
#include "agent/guest/fail.h"
#include "agent/guest/guest.h"
#include "agent/guest/hooks.h"
#include "agent/guest/mount.h"
#include "agent/guest/procattr.h"
#include "agent/guest/rlimit.h"
#include "agent/guest/rootfs.h"
#include "agent/guest/sysctl.h"
#include "base/cleanup.h"
#include "base/fs.h"

bool userns_map(const struct json_objs *mappings, uint32_t id, uint32_t *outside)
{
	const struct oci_id_mapping *rows = mappings->items;

	for (size_t i = 0; i < mappings->len; i++)
		if (id >= rows[i].container_id && id - rows[i].container_id < rows[i].size) {
			*outside = rows[i].host_id + (id - rows[i].container_id);
			return true;
		}
	return false;
}

void userns_format_map(const struct json_objs *mappings, struct strbuf *text)
{
	const struct oci_id_mapping *rows = mappings->items;

	for (size_t i = 0; i < mappings->len; i++)
		(void)strbuf_addf(text, "%" PRIu32 " %" PRIu32 " %" PRIu32 "\n",
				  rows[i].container_id, rows[i].host_id, rows[i].size);
}

/* The process may want to open its descriptors 0 to 2 by name. */
static void own_stdio(const struct launch *launch)
{
	const struct oci_linux *linux_ = launch->spec->linux_;
	uint32_t uid;

	if (launch->names || !userns_map(&linux_->uid_mappings, launch->process->user.uid, &uid))
		return;
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		(void)!fchown(fd, uid, (gid_t)-1);
}

int userns_before_join(const struct launch *launch, struct error *err)
{
	int ret = rlimit_raise(launch->process, err);

	own_stdio(launch);
	return ret < 0 ? ret : procattr_schedule(launch->process, 0, err);
}

int userns_become_root(struct error *err)
{
	if (setgroups(0, NULL) < 0 || setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0)
		return fail_set(err, -errno, "become root in the user namespace");
	return 0;
}

/* A place for device nodes, which ends with this process. */
static int make_scratch(struct error *err)
{
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_PRIVATE | MS_REC, NULL) < 0 ||
	    mount("tmpfs", GUEST_ROOT_DIR, "tmpfs", MS_NOSUID | MS_NOEXEC, "mode=0755") < 0)
		return fail_set(err, -errno, "make a place for device nodes");
	return 0;
}

static int make_trees(const struct launch *launch, struct userns_trees *trees, struct error *err)
{
	const struct oci_spec *spec = launch->spec;
	auto_close int share = fs_open_dir_at(AT_FDCWD, GUEST_SHARE_DIR);
	int ret;

	trees->mounts = detached_list_new(spec->mounts.len);
	trees->nodes = detached_list_new(dev_count(spec));
	trees->hooks = detached_list_new(hooks_count(spec));
	if (!trees->mounts || !trees->nodes || !trees->hooks)
		return fail_set(err, -ENOMEM, "prepare the mounts");
	trees->rootfs = rootfs_open_tree(launch->rootfs, err);
	ret = trees->rootfs < 0 ? trees->rootfs : 0;
	if (ret == 0)
		ret = hooks_open(spec, trees->hooks, err);
	if (ret == 0)
		ret = mount_prepare(spec, share, trees->mounts, err);
	if (ret == 0)
		ret = make_scratch(err);
	return ret < 0 ? ret : dev_prepare(spec, GUEST_ROOT_DIR, trees->nodes, err);
}

static bool mounts_cgroups_writable(const struct oci_spec *spec)
{
	const struct oci_mount *rows = spec->mounts.items;
	bool writable = false;

	for (size_t i = 0; i < spec->mounts.len; i++) {
		if (!rows[i].type || strncmp(rows[i].type, "cgroup", strlen("cgroup")) != 0)
			continue;
		writable = true;
		for (size_t j = 0; j < rows[i].options.len; j++)
			if (strcmp(rows[i].options.items[j], "ro") == 0)
				writable = false;
	}
	return writable;
}

/* As the specification wants it: root of the container may divide what it was given. */
static void delegate_cgroup(const struct launch *launch)
{
	static const char *const files[] = { ".", "cgroup.procs", "cgroup.threads",
					     "cgroup.subtree_control" };
	auto_close int dir = -1;
	uint32_t uid;

	if (!(launch->unshare_flags & CLONE_NEWCGROUP) || !mounts_cgroups_writable(launch->spec) ||
	    !userns_map(&launch->spec->linux_->uid_mappings, 0, &uid))
		return;
	dir = fs_open_dir_at(AT_FDCWD, launch->cgroup);
	for (size_t i = 0; dir >= 0 && i < sizeof(files) / sizeof(files[0]); i++)
		(void)!fchownat(dir, files[i], uid, (gid_t)-1, 0);
}

/* The network is the machine's, whose privileged ports are none of the container's root. In runc's
 * containers, which own theirs, that may bind them and use ping. */
static void open_network(const struct oci_process *process)
{
	const struct oci_capabilities *caps = process->capabilities;

	for (size_t i = 0; caps && i < caps->bounding.len; i++) {
		if (strcmp(caps->bounding.items[i], "CAP_NET_BIND_SERVICE") == 0)
			(void)!fs_write_file_at(
				AT_FDCWD, "/proc/sys/net/ipv4/ip_unprivileged_port_start", "0");
		if (strcmp(caps->bounding.items[i], "CAP_NET_RAW") == 0)
			(void)!fs_write_file_at(AT_FDCWD, "/proc/sys/net/ipv4/ping_group_range",
						"0 2147483647");
	}
}

/* Everything that needs no process to do it to. */
static int prepare(const struct launch *launch, struct userns_trees *trees, struct error *err)
{
	const struct oci_linux *linux_ = launch->spec->linux_;
	int ret = make_trees(launch, trees, err);

	if (ret == 0)
		ret = rlimit_raise(launch->process, err);
	if (ret == 0 && linux_->resources)
		ret = devfilter_attach(launch->cgroup, &linux_->resources->devices, err);
	own_stdio(launch);
	delegate_cgroup(launch);
	open_network(launch->process);
	return ret;
}

/* What is shared with the pod. Its user namespace comes last: there go the privileges. */
static int join(const struct launch *launch, int pidfd, struct error *err)
{
	int others = launch->join_flags & ~CLONE_NEWUSER;

	if (pidfd < 0 || !launch->join_flags)
		return 0;
	if ((others && setns(pidfd, others) < 0) ||
	    ((launch->join_flags & CLONE_NEWUSER) && setns(pidfd, CLONE_NEWUSER) < 0))
		return fail_set(err, -errno, "join the pod's namespaces");
	return launch->join_flags & CLONE_NEWUSER ? userns_become_root(err) : 0;
}

static int write_map(pid_t pid, const char *file, const struct json_objs *mappings,
		     struct error *err)
{
	auto_strbuf struct strbuf text = { 0 };
	char path[64];
	int ret;

	userns_format_map(mappings, &text);
	(void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
	ret = strbuf_error(&text);
	if (ret == 0)
		ret = fs_write_file_at(AT_FDCWD, path, strbuf_str(&text));
	return ret < 0 ? fail_set(err, ret, "write the container's %s", file) : 0;
}

static int write_maps(const struct launch *launch, pid_t pid, struct error *err)
{
	const struct oci_linux *linux_ = launch->spec->linux_;
	int ret = 0;

	if (launch->clone_flags & CLONE_NEWUSER)
		ret = write_map(pid, "uid_map", &linux_->uid_mappings, err);
	if (ret == 0 && (launch->clone_flags & CLONE_NEWUSER))
		ret = write_map(pid, "gid_map", &linux_->gid_mappings, err);
	return ret;
}

/* To the process, which has all its namespaces and waits: what it may not do to itself. */
static int complete(const struct launch *launch, int pidfd, pid_t pid, struct error *err)
{
	const struct oci_linux *linux_ = launch->spec->linux_;
	int visible = launch->clone_flags & (CLONE_NEWIPC | CLONE_NEWUTS);
	uint32_t root = 0;
	int ret = 0;

	if (launch->unshare_flags & CLONE_NEWTIME)
		ret = procattr_write_offsets(pid, &linux_->time_offsets, err);
	/* with the pod's user namespace we are no more than the process itself is */
	if (ret == 0 && (launch->clone_flags & CLONE_NEWUSER))
		ret = procattr_schedule(launch->process, pid, err);
	if (ret == 0 && visible && setns(pidfd, visible) < 0)
		ret = fail_set(err, -errno, "enter the container's namespaces");
	if (ret < 0)
		return ret;
	(void)userns_map(&linux_->uid_mappings, 0, &root);
	return sysctl_apply(&linux_->sysctl, root, err);
}

/* Either side's turn: the other one waits for it in take_turn(), which is false when that is dead.
 */
static void pass_turn(int fd)
{
	(void)send(fd, "", 1, MSG_NOSIGNAL);
}

static bool take_turn(int fd)
{
	char byte;

	return read(fd, &byte, 1) == 1;
}

/* The helper's part, up to its end. */
static int hand_over(const struct launch *launch, int pidfd, int turn_fd, int sync_fd,
		     struct error *err)
{
	pid_t pid = launch_pid_of(pidfd);
	int ret = pid < 0 ? fail_set(err, pid, "find the container's process") : 0;

	if (ret == 0)
		ret = write_maps(launch, pid, err);
	if (ret < 0)
		return ret;
	pass_turn(turn_fd);
	/* it says itself what is wrong, to whom it belongs by then */
	if (take_turn(turn_fd))
		ret = complete(launch, pidfd, pid, err);
	if (ret < 0)
		return ret;
	ret = launch_send(sync_fd, LAUNCH_CHILD, NULL, pidfd);
	if (ret < 0)
		return fail_set(err, ret, "hand over the container's process");
	pass_turn(turn_fd);
	_exit(EXIT_SUCCESS);
}

/* The process' part. A helper that failed, or was killed, leaves nobody behind. */
static int begin(const struct launch *launch, int turn_fd, struct error *err)
{
	/* message queues belong to who makes their namespace */
	int own = launch->unshare_flags | (launch->clone_flags & CLONE_NEWIPC);
	int ret = 0;

	if (!take_turn(turn_fd))
		_exit(EXIT_FAILURE);
	(void)setsid();
	if (launch->clone_flags & CLONE_NEWUSER)
		ret = userns_become_root(err);
	if (ret == 0 && own && unshare(own) < 0)
		ret = fail_set(err, -errno, "unshare namespaces");
	if (ret < 0)
		return ret;
	pass_turn(turn_fd);
	if (!take_turn(turn_fd))
		_exit(EXIT_FAILURE);
	return 0;
}

int userns_split(const struct launch *launch, int join_pidfd, int sync_fd,
		 struct userns_trees *trees, struct error *err)
{
	auto_close int pidfd = -1;
	auto_close int ours = -1;
	auto_close int theirs = -1;
	struct clone_args args = {
		.flags = (uint64_t)(unsigned)(launch->clone_flags & ~CLONE_NEWIPC) | CLONE_PARENT |
			 CLONE_PIDFD,
		.pidfd = (uint64_t)(uintptr_t)&pidfd,
	};
	int pair[2];
	pid_t pid;
	int ret = prepare(launch, trees, err);

	if (ret == 0)
		ret = join(launch, join_pidfd, err);
	if (ret < 0)
		return ret;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return fail_set(err, -errno, "make a socket for the container's process");
	ours = pair[0];
	theirs = pair[1];
	pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
	if (pid == 0) {
		cleanup_close(&ours);
		return begin(launch, theirs, err);
	}
	cleanup_close(&theirs);
	if (pid < 0)
		return fail_set(err, -errno, "clone the container's process");
	return hand_over(launch, pidfd, ours, sync_fd, err);
}

void userns_trees_done(const struct oci_spec *spec, struct userns_trees *trees)
{
	cleanup_close(&trees->rootfs);
	detached_list_free(trees->mounts, spec->mounts.len);
	detached_list_free(trees->nodes, dev_count(spec));
	detached_list_free(trees->hooks, hooks_count(spec));
	trees->hooks = NULL;
	trees->mounts = NULL;
	trees->nodes = NULL;
}
