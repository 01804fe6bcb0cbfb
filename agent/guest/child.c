/* The child's side of a launch: from the clone to exec. Nothing here returns to the agent's loop.
 */
#include "agent/guest/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/guest/affinity.h"
#include "agent/guest/caps.h"
#include "agent/guest/detached.h"
#include "agent/guest/dev.h"
#include "agent/guest/devfilter.h"
#include "agent/guest/fail.h"
#include "agent/guest/guest.h"
#include "agent/guest/hooks.h"
#include "agent/guest/inroot.h"
#include "agent/guest/mount.h"
#include "agent/guest/paths.h"
#include "agent/guest/procattr.h"
#include "agent/guest/program.h"
#include "agent/guest/rlimit.h"
#include "agent/guest/rootfs.h"
#include "agent/guest/seccomp.h"
#include "agent/guest/sysctl.h"
#include "agent/guest/terminal.h"
#include "agent/guest/userns.h"
#include "agent/guest/worker.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/strvec.h"

enum { FIRST_FREE_FD = 10, DEFAULT_UMASK = 022 };

/* What the child owns while it works. */
struct child {
	const struct launch *launch;
	int sync_fd;
	int pidfd; /* to join; -1: none */
	struct user_ids ids;
	struct caps caps;
	struct seccomp_filter *filter; /* NULL: none, or in force */
	struct userns_trees trees;     /* with a user namespace; rootfs of any container */
};

/* Keeps what is needed, closes everything else: a parked child must not hold other processes' pipes
 * open. */
static int arrange_fds(struct child *child, struct error *err)
{
	const struct launch *launch = child->launch;
	int low;
	int high;

	child->sync_fd = fcntl(launch->sync_fd, F_DUPFD_CLOEXEC, FIRST_FREE_FD);
	child->pidfd = launch->join_pidfd < 0
			       ? -1
			       : fcntl(launch->join_pidfd, F_DUPFD_CLOEXEC, FIRST_FREE_FD);
	if (child->sync_fd < 0 || (launch->join_pidfd >= 0 && child->pidfd < 0))
		return fail_set(err, -errno, "arrange descriptors");
	for (int fd = 0; fd < 3; fd++)
		if (launch->stdio[fd] >= 0 && dup2(launch->stdio[fd], fd) < 0)
			return fail_set(err, -errno, "make descriptor %d", fd);
	low = child->sync_fd;
	high = child->sync_fd;
	if (child->pidfd >= 0) {
		low = child->pidfd < low ? child->pidfd : low;
		high = child->pidfd > high ? child->pidfd : high;
	}
	(void)syscall(SYS_close_range, STDERR_FILENO + 1, low - 1, 0);
	if (low + 1 < high)
		(void)syscall(SYS_close_range, low + 1, high - 1, 0);
	(void)syscall(SYS_close_range, high + 1, ~0U, 0);
	return 0;
}

/* A further process, or the first of a container whose users are the guest's own. */
static int join_and_unshare(struct child *child, struct error *err)
{
	const struct launch *launch = child->launch;
	int ret = launch->userns ? userns_before_join(launch, err) : 0;

	if (ret == 0 && child->pidfd >= 0 && launch->join_flags &&
	    setns(child->pidfd, launch->join_flags) < 0)
		ret = fail_set(err, -errno, "join the container's namespaces");
	if (ret == 0 && launch->userns)
		ret = userns_become_root(err);
	if (ret == 0 && launch->unshare_flags && unshare(launch->unshare_flags) < 0)
		ret = fail_set(err, -errno, "unshare namespaces");
	if (ret == 0 && (launch->unshare_flags & CLONE_NEWTIME))
		ret = procattr_write_offsets(0, &launch->spec->linux_->time_offsets, err);
	return ret;
}

static int enter_namespaces(struct child *child, struct error *err)
{
	const struct launch *launch = child->launch;
	int ret;

	if (launch->userns && launch->first)
		ret = userns_split(launch, child->pidfd, child->sync_fd, &child->trees, err);
	else
		ret = join_and_unshare(child, err);
	cleanup_close(&child->pidfd);
	return ret == 0 && (launch->unshare_flags & CLONE_NEWTIME) ? procattr_enter_time(err) : ret;
}

static int set_hostname(const struct launch *launch, struct error *err)
{
	const struct oci_spec *spec = launch->spec;
	const char *name = spec->hostname && *spec->hostname ? spec->hostname : launch->hostname;

	if (!launch->own_uts)
		return 0;
	if (name && sethostname(name, strlen(name)) < 0)
		return fail_set(err, -errno, "sethostname \"%s\"", name);
	if (spec->domainname && *spec->domainname &&
	    setdomainname(spec->domainname, strlen(spec->domainname)) < 0)
		return fail_set(err, -errno, "setdomainname \"%s\"", spec->domainname);
	return 0;
}

/* runc makes a missing working directory in a container, but not for exec. */
static int make_cwd(const struct launch *launch, int root_fd, struct error *err)
{
	const char *cwd = launch->process->cwd;
	auto_close int fd = -1;

	if (!cwd || !*cwd)
		return 0;
	fd = inroot_make(root_fd, cwd, true);
	/* what is wrong with it is told by chdir, as the user of the process */
	return fd < 0 && fd != -ENOTDIR && fd != -EACCES && fd != -EROFS
		       ? fail_set(err, fd, "mkdir %s", cwd)
		       : 0;
}

/* Where it is mounted later, when nothing can be made there; what is wrong is told then. */
static void make_console(int root_fd)
{
	int fd = inroot_make(root_fd, "/dev/console", false);

	if (fd >= 0)
		close(fd);
}

static int make_tree(const struct child *child, int root_fd, struct error *err)
{
	const struct launch *launch = child->launch;
	const struct oci_spec *spec = launch->spec;
	auto_close int share = fs_open_dir_at(AT_FDCWD, GUEST_SHARE_DIR);
	struct mount_context ctx = {
		.root_fd = root_fd,
		.share_fd = share,
		.cgroup = launch->cgroup,
		.own_cgroup_ns = (launch->unshare_flags & CLONE_NEWCGROUP) != 0,
		.trees = child->trees.mounts,
	};
	int ret = mount_all(spec, &ctx, err);

	if (ret == 0)
		ret = dev_make_all(spec, root_fd, child->trees.nodes, err);
	if (ret == 0)
		ret = make_cwd(launch, root_fd, err);
	if (ret == 0)
		ret = paths_apply(spec->linux_, root_fd, err);
	if (ret == 0 && launch->process->terminal)
		make_console(root_fd);
	if (ret == 0)
		ret = mount_seal(spec, root_fd, err);
	if (ret < 0 || !spec->root || !spec->root->readonly)
		return ret;
	ret = mount_restrict(root_fd, MS_RDONLY);
	return ret < 0 ? fail_set(err, ret, "make the root file system read-only") : 0;
}

/* With the guest's own root, in the container's namespaces. */
static int apply_settings(const struct launch *launch, struct error *err)
{
	const struct oci_linux *linux_ = launch->spec->linux_;
	int ret = linux_ ? sysctl_apply(&linux_->sysctl, 0, err) : 0;

	/* now that everything is mounted; the cgroup can't be reached from inside */
	if (ret == 0 && linux_ && linux_->resources)
		ret = devfilter_attach(launch->cgroup, &linux_->resources->devices, err);
	return ret;
}

static int run_hooks(struct child *child, int root_fd, struct error *err)
{
	const struct launch *launch = child->launch;
	int ret = 0;

	if (hooks_count(launch->spec) == 0)
		return 0;
	if (!child->trees.hooks) {
		child->trees.hooks = detached_list_new(hooks_count(launch->spec));
		if (!child->trees.hooks)
			return fail_set(err, -ENOMEM, "run the createContainer hooks");
		ret = hooks_open(launch->spec, child->trees.hooks, err);
	}
	return ret < 0 ? ret : hooks_run_create(launch, root_fd, child->trees.hooks, err);
}

static int make_container(struct child *child, struct error *err)
{
	const struct launch *launch = child->launch;
	const struct oci_linux *linux_ = launch->spec->linux_;
	auto_close int root_fd = -1;
	int ret = 0;

	if (child->trees.rootfs < 0)
		ret = child->trees.rootfs = rootfs_open_tree(launch->rootfs, err);
	if (ret >= 0)
		ret = root_fd = rootfs_attach(child->trees.rootfs, err);
	if (ret >= 0)
		ret = set_hostname(launch, err);
	if (ret == 0)
		ret = make_tree(child, root_fd, err);
	if (ret == 0 && !launch->userns)
		ret = apply_settings(launch, err);
	if (ret == 0)
		ret = run_hooks(child, root_fd, err);
	if (ret == 0)
		ret = rootfs_enter(root_fd, linux_ ? linux_->rootfs_propagation : NULL, err);
	userns_trees_done(launch->spec, &child->trees);
	return ret;
}

/* Descriptors 0 to 2 belong to the process: it may want to open them by name. */
static void own_stdio(const struct child *child)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		(void)!fchown(fd, child->ids.uid, (gid_t)-1);
}

static int open_stdio(struct child *child, struct error *err)
{
	auto_close int master = -1;
	int ret;

	if (!child->launch->process->terminal) {
		/* else it was done while that was possible */
		if (!child->launch->userns)
			own_stdio(child);
		return 0;
	}
	master = terminal_open(child->ids.uid, child->launch->first, err);
	if (master < 0)
		return master;
	if (child->launch->process->console_size)
		(void)!terminal_resize(master, child->launch->process->console_size->height,
				       child->launch->process->console_size->width);
	ret = launch_send(child->sync_fd, LAUNCH_TERMINAL, NULL, master);
	return ret < 0 ? fail_set(err, ret, "hand over the terminal") : 0;
}

static int change_dir(const char *cwd, struct error *err)
{
	if (!cwd || !*cwd || chdir(cwd) == 0)
		return 0;
	return fail_set(err, -errno, "chdir to cwd (\"%s\") set in config.json failed", cwd);
}

static int load_filter(struct child *child, struct error *err)
{
	/* not released: that might take what it denies, and exec does it */
	return seccomp_load_filter(take_ptr(&child->filter), err);
}

/* Order as runc has it: the filter, which needs a privilege unless there can be no new ones,
 * bounding set, user with its capabilities kept, the final sets, and only
 * then no more privileges by exec. */
static int drop_privileges(struct child *child, struct error *err)
{
	const struct oci_process *process = child->launch->process;
	bool inside;
	int ret;

	if (process->no_new_privileges && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return fail_set(err, -errno, "set no_new_privs");
	ret = process->no_new_privileges ? 0 : load_filter(child, err);
	if (ret == 0)
		ret = caps_prepare(&child->caps, err);
	if (ret < 0)
		return ret;
	(void)umask(process->user.umask.set ? process->user.umask.value & 0777 : DEFAULT_UMASK);
	/* root may see what the user can't, and the other way round on a share */
	inside = process->cwd && chdir(process->cwd) == 0;
	ret = user_switch(&child->ids, err);
	if (ret == 0 && !inside)
		ret = change_dir(process->cwd, err);
	if (ret == 0)
		ret = caps_apply(&child->caps, err);
	return ret;
}

static int prepare(struct child *child, struct error *err)
{
	const struct launch *launch = child->launch;
	const struct oci_process *process = launch->process;
	int ret = rlimit_oom_score(process, err);

	if (ret == 0 && !launch->first)
		ret = affinity_set_initial(process->exec_cpu_affinity, err);
	if (ret == 0)
		ret = enter_namespaces(child, err);
	if (ret == 0 && launch->first)
		ret = make_container(child, err);
	if (ret == 0 && launch->spec->linux_)
		ret = seccomp_make_filter(launch->spec->linux_->seccomp, &child->filter, err);
	if (ret == 0)
		ret = user_resolve(&process->user, launch->names, &child->ids, err);
	if (ret == 0)
		ret = open_stdio(child, err);
	if (ret == 0)
		ret = rlimit_apply(process, err);
	if (ret == 0 && launch->spec->linux_)
		ret = procattr_set_personality(launch->spec->linux_->personality, err);
	if (ret == 0 && !launch->userns)
		ret = procattr_schedule(process, 0, err);
	if (ret == 0 && !launch->first)
		ret = affinity_set_final(process->exec_cpu_affinity, err);
	if (ret == 0)
		ret = drop_privileges(child, err);
	return ret;
}

static int make_environment(const struct child *child, struct strvec *env, struct error *err)
{
	const struct oci_process *process = child->launch->process;
	char home[USER_HOME_MAX];

	for (size_t i = 0; i < process->env.len; i++)
		(void)strvec_add(env, process->env.items[i]);
	if (!program_getenv(&process->env, "HOME")) {
		user_home(child->ids.uid, home);
		(void)strvec_addf(env, "HOME=%s", home);
	}
	return strvec_error(env) < 0 ? fail_set(err, strvec_error(env), "make the environment") : 0;
}

static int make_arguments(const struct oci_process *process, struct strvec *args, struct error *err)
{
	for (size_t i = 0; i < process->args.len; i++)
		(void)strvec_add(args, process->args.items[i]);
	return strvec_error(args) < 0 ? fail_set(err, strvec_error(args), "make the arguments") : 0;
}

/* Parked until the agent says go; when it is gone, so are we. By plain read(2), which no filter
 * denies. */
static void wait_for_go(int sync_fd)
{
	struct launch_message message;

	if (launch_send(sync_fd, LAUNCH_READY, NULL, -1) < 0 ||
	    read(sync_fd, &message, sizeof(message)) <= 0 || message.type != LAUNCH_GO)
		_exit(EXIT_FAILURE);
}

static int run(struct child *child, struct error *err)
{
	const struct oci_process *process = child->launch->process;
	auto_strvec struct strvec args = { 0 };
	auto_strvec struct strvec env = { 0 };
	auto_free char *path = NULL;
	int ret = prepare(child, err);

	if (ret == 0)
		ret = program_find(process->args.items[0], &process->env, &path, err);
	if (ret == 0)
		ret = make_arguments(process, &args, err);
	if (ret == 0)
		ret = make_environment(child, &env, err);
	if (ret < 0)
		return ret;
	wait_for_go(child->sync_fd);
	/* last of all: from here on only exec has to be allowed, and what hooks need */
	ret = load_filter(child, err);
	if (ret == 0 && child->launch->first)
		ret = hooks_run_start(child->launch, err);
	if (ret < 0)
		return ret;
	(void)execve(path, args.items, env.items);
	return fail_set(err, -errno, "exec %s", path);
}

_Noreturn void launch_child(const struct launch *launch)
{
	struct child child = {
		.launch = launch, .sync_fd = launch->sync_fd, .pidfd = -1, .trees = { .rootfs = -1 }
	};
	struct error err = { 0 };

	worker_reset_signals();
	/* whoever is in the container already may not look into what is still a copy of the agent
	 */
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	(void)umask(0);
	(void)setsid();
	caps_parse(launch->process->capabilities, &child.caps);
	if (arrange_fds(&child, &err) == 0)
		(void)run(&child, &err);
	(void)launch_send(child.sync_fd, LAUNCH_ERROR, &err, -1);
	_exit(EXIT_FAILURE);
}
