#include "agent/guest/mount.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/guest/copyup.h"
#include "agent/guest/detached.h"
#include "agent/guest/fail.h"
#include "agent/guest/inroot.h"
#include "agent/guest/mount_options.h"
#include "base/cleanup.h"
#include "base/fs.h"

#ifndef MS_NOSYMFOLLOW
#define MS_NOSYMFOLLOW 256
#endif

/* Flags of mount(2) that are one attribute of a mount each. */
static const struct {
	unsigned long flag;
	uint64_t attribute;
} attributes[] = {
	{ MS_RDONLY, MOUNT_ATTR_RDONLY },	  { MS_NOSUID, MOUNT_ATTR_NOSUID },
	{ MS_NODEV, MOUNT_ATTR_NODEV },		  { MS_NOEXEC, MOUNT_ATTR_NOEXEC },
	{ MS_NODIRATIME, MOUNT_ATTR_NODIRATIME }, { MS_NOSYMFOLLOW, MOUNT_ATTR_NOSYMFOLLOW },
};

/* Access times are a choice of three: a new one takes the place of the old. */
static void choose_atime(struct mount_attr *attr, unsigned long set, unsigned long cleared)
{
	if (!((set | cleared) & MS_NOATIME) && !(set & (MS_RELATIME | MS_STRICTATIME)))
		return;
	attr->attr_clr |= MOUNT_ATTR__ATIME;
	if (set & MS_NOATIME)
		attr->attr_set |= MOUNT_ATTR_NOATIME;
	else if (set & MS_STRICTATIME)
		attr->attr_set |= MOUNT_ATTR_STRICTATIME;
}

/* What is not named stays as it is. A server of files need not know devices and pipes well enough
 * to be asked about them, so nothing but the mount is looked at. */
static int remount_bind(int target_fd, unsigned long set, unsigned long cleared)
{
	struct mount_attr attr = { 0 };

	for (size_t i = 0; i < sizeof(attributes) / sizeof(attributes[0]); i++) {
		if (set & attributes[i].flag)
			attr.attr_set |= attributes[i].attribute;
		else if (cleared & attributes[i].flag)
			attr.attr_clr |= attributes[i].attribute;
	}
	choose_atime(&attr, set, cleared);
	return syscall(SYS_mount_setattr, target_fd, "", AT_EMPTY_PATH, &attr, sizeof(attr)) < 0
		       ? -errno
		       : 0;
}

int mount_restrict(int target_fd, unsigned long flags)
{
	return remount_bind(target_fd, flags, 0);
}

int mount_bind_fd(int source_fd, int target_fd, bool recursive)
{
	char source[INROOT_PROC_LEN];
	char target[INROOT_PROC_LEN];

	inroot_proc_path(source_fd, source);
	inroot_proc_path(target_fd, target);
	return mount(source, target, NULL, MS_BIND | (recursive ? MS_REC : 0), NULL) < 0 ? -errno
											 : 0;
}

/* One mount under way. */
struct job {
	const struct mount_context *ctx;
	const struct oci_mount *m;
	const char *type;
	int tree; /* made in advance, to be put in place; -1: none */
	struct mount_options options;
};

static int job_fail(const struct job *job, int code, const char *what, struct error *err)
{
	const char *source = job->m->source ? job->m->source : job->type;

	return fail_set(err, code, "error mounting \"%s\" to rootfs at \"%s\": %s", source,
			job->m->destination, what);
}

/* After the mount: the destination now leads to what was mounted. */
static int set_propagation(const struct job *job, struct error *err)
{
	auto_close int fd = -1;
	char target[INROOT_PROC_LEN];

	if (!job->options.propagation)
		return 0;
	fd = inroot_open(job->ctx->root_fd, job->m->destination);
	if (fd < 0)
		return job_fail(job, fd, "open the mount", err);
	inroot_proc_path(fd, target);
	if (mount(NULL, target, NULL, job->options.propagation, NULL) < 0)
		return job_fail(job, -errno, "set propagation", err);
	return 0;
}

static int set_tree_attributes(const struct job *job, struct error *err)
{
	struct mount_attr attr = { .attr_set = job->options.tree_set,
				   .attr_clr = job->options.tree_cleared };
	auto_close int fd = -1;

	if (!attr.attr_set && !attr.attr_clr)
		return 0;
	fd = inroot_open(job->ctx->root_fd, job->m->destination);
	if (fd < 0)
		return job_fail(job, fd, "open the mount", err);
	if (syscall(SYS_mount_setattr, fd, "", AT_EMPTY_PATH | AT_RECURSIVE, &attr, sizeof(attr)) <
	    0)
		return job_fail(job, -errno, "set attributes of the tree", err);
	return 0;
}

/* An absolute path is one of the guest's own: a device, a kernel's file system. */
static int open_source(const char *source, int share_fd)
{
	int fd;

	if (source && source[0] == '/') {
		fd = open(source, O_PATH | O_CLOEXEC);
		return fd < 0 ? -errno : fd;
	}
	return source && share_fd >= 0 ? inroot_open(share_fd, source) : -ENOENT;
}

static int bind_source(const struct job *job, int source, struct error *err)
{
	const unsigned long own = MS_BIND | MS_REC | MS_REMOUNT | MS_SILENT;
	unsigned long set = job->options.flags & ~own;
	auto_close int target = -1;
	auto_close int mounted = -1;
	struct stat st;
	int ret;

	if (fstat(source, &st) < 0)
		return job_fail(job, -errno, "stat the source", err);
	target = inroot_make(job->ctx->root_fd, job->m->destination, S_ISDIR(st.st_mode));
	if (target < 0)
		return job_fail(job, target, "create the mount point", err);
	ret = job->tree >= 0 ? detached_attach(job->tree, target)
			     : mount_bind_fd(source, target, job->options.flags & MS_REC);
	if (ret < 0)
		return job_fail(job, ret, "bind", err);
	if (!set && !job->options.cleared)
		return 0;
	mounted = inroot_open(job->ctx->root_fd, job->m->destination);
	if (mounted < 0)
		return job_fail(job, mounted, "open the mount", err);
	ret = remount_bind(mounted, set, job->options.cleared);
	return ret < 0 ? job_fail(job, ret, "remount with its options", err) : 0;
}

static int mount_bind(const struct job *job, struct error *err)
{
	auto_close int source = -1;

	if (job->tree >= 0)
		return bind_source(job, job->tree, err);
	source = open_source(job->m->source, job->ctx->share_fd);
	if (source < 0)
		return job_fail(job, source, "open the source", err);
	return bind_source(job, source, err);
}

/* What is masked and made read-only by its path must be there, not where a link of the root file
 * system leads. */
static int check_ordinary(const struct job *job, const char *type, struct error *err)
{
	const char *destination = job->m->destination;
	auto_close int parent = -1;
	const char *name;
	struct stat st;

	if (strcmp(type, "proc") != 0 && strcmp(type, "sysfs") != 0)
		return 0;
	parent = inroot_make_parent(job->ctx->root_fd, destination, &name);
	if (parent < 0 || fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
	    S_ISDIR(st.st_mode))
		return 0;
	return err_msg(
		err, -ENOTDIR,
		"error mounting \"%s\" to rootfs at \"%s\": filesystem \"%s\" must be mounted "
		"on ordinary directory",
		job->m->source ? job->m->source : type, destination, type);
}

static int mount_fs(const struct job *job, const char *type, struct error *err)
{
	const char *source = job->m->source ? job->m->source : type;
	auto_close int target = -1;
	char path[INROOT_PROC_LEN];
	int ret = check_ordinary(job, type, err);

	if (ret < 0)
		return ret;
	target = inroot_make(job->ctx->root_fd, job->m->destination, true);
	if (target < 0)
		return job_fail(job, target, "create the mount point", err);
	if (job->tree >= 0) {
		ret = detached_attach(job->tree, target);
		return ret < 0 ? job_fail(job, ret, "mount", err) : 0;
	}
	inroot_proc_path(target, path);
	if (mount(source, path, type, job->options.flags, strbuf_str(&job->options.data)) < 0)
		return job_fail(job, -errno, "mount", err);
	return 0;
}

/* What the file system hides stays reachable through a descriptor from before. */
static int mount_copy_up(const struct job *job, struct error *err)
{
	auto_close int hidden = inroot_make(job->ctx->root_fd, job->m->destination, true);
	auto_close int from = hidden < 0 ? hidden : fs_open_dir_at(hidden, ".");
	auto_close int mounted = -1;
	auto_close int to = -1;
	int ret;

	if (from < 0)
		return job_fail(job, from, "open the directory to be copied", err);
	ret = mount_fs(job, job->type, err);
	if (ret < 0)
		return ret;
	mounted = inroot_open(job->ctx->root_fd, job->m->destination);
	to = mounted < 0 ? mounted : fs_open_dir_at(mounted, ".");
	ret = to < 0 ? to : copyup_tree(from, to);
	return ret < 0 ? job_fail(job, ret, "copy the directory's content", err) : 0;
}

static int mount_remount(const struct job *job, struct error *err)
{
	auto_close int target = inroot_open(job->ctx->root_fd, job->m->destination);
	char path[INROOT_PROC_LEN];

	if (target < 0)
		return job_fail(job, target, "open the mount", err);
	inroot_proc_path(target, path);
	if (mount(NULL, path, NULL, job->options.flags, strbuf_str(&job->options.data)) < 0)
		return job_fail(job, -errno, "remount", err);
	return 0;
}

/* A container without a cgroup namespace sees its own branch. */
static int mount_cgroup(struct job *job, struct error *err)
{
	auto_close int source = -1;

	strbuf_clear(&job->options.data);
	if (job->ctx->own_cgroup_ns)
		return mount_fs(job, "cgroup2", err);
	source = open(job->ctx->cgroup, O_PATH | O_CLOEXEC);
	if (source < 0)
		return job_fail(job, -errno, "open the container's cgroup", err);
	return bind_source(job, source, err);
}

static bool is_bind(const struct job *job)
{
	return (job->options.flags & MS_BIND) || strcmp(job->type, "bind") == 0;
}

/* Nodes, mount points and copies come into it later. */
static bool is_sealed_later(const struct job *job)
{
	const char *at = job->m->destination;

	if (!(job->options.flags & MS_RDONLY) || (job->options.flags & MS_REMOUNT) || is_bind(job))
		return false;
	if (strcmp(job->type, "tmpfs") == 0)
		return true;
	at += strspn(at, "/");
	return strncmp(at, "dev", 3) == 0 && at[3 + strspn(at + 3, "/")] == '\0';
}

/* A tmpfs over a directory is as open as that was, unless it says how open. */
static void inherit_mode(struct job *job)
{
	struct strbuf *data = &job->options.data;
	auto_close int fd = inroot_open(job->ctx->root_fd, job->m->destination);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISDIR(st.st_mode) ||
	    strstr(strbuf_str(data), "mode="))
		return;
	(void)strbuf_addf(data, "%smode=%o", data->len > 0 ? "," : "",
			  (unsigned)(st.st_mode & 07777));
}

static int run_job(struct job *job, struct error *err)
{
	if (is_sealed_later(job))
		job->options.flags &= ~(unsigned long)MS_RDONLY;
	if (job->options.flags & MS_REMOUNT)
		return mount_remount(job, err);
	if (is_bind(job))
		return mount_bind(job, err);
	if (strcmp(job->type, "cgroup") == 0 || strcmp(job->type, "cgroup2") == 0)
		return mount_cgroup(job, err);
	if (strcmp(job->type, "tmpfs") == 0)
		inherit_mode(job);
	if (strcmp(job->type, "tmpfs") == 0 && job->options.copy_up)
		return mount_copy_up(job, err);
	return mount_fs(job, job->type, err);
}

static int job_init(struct job *job, const struct oci_mount *m, struct error *err)
{
	int ret;

	*job = (struct job){ .m = m, .type = m->type ? m->type : "bind", .tree = -1 };
	if (!m->destination || !*m->destination)
		return err_msg(err, -EINVAL, "a mount of type \"%s\" has no destination",
			       job->type);
	ret = mount_options_parse(&m->options, &job->options);
	if (ret < 0)
		return job_fail(job, ret, "parse its options", err);
	/* who shares it has done it, and has taken that out */
	if (job->options.id_map || m->uid_mappings.len > 0 || m->gid_mappings.len > 0)
		return err_msg(err, -EOPNOTSUPP,
			       "error mounting \"%s\" to rootfs at \"%s\": ids of the guest's own "
			       "file systems can't be mapped",
			       m->source ? m->source : job->type, m->destination);
	return 0;
}

static int prepare_bind(const struct job *job, int share_fd, struct error *err)
{
	auto_close int source = open_source(job->m->source, share_fd);
	int tree;

	if (source < 0)
		return job_fail(job, source, "open the source", err);
	tree = detached_clone(source, job->options.flags & MS_REC);
	return tree < 0 ? job_fail(job, tree, "bind", err) : tree;
}

static int prepare_one(const struct oci_mount *m, int share_fd, int *tree, struct error *err)
{
	struct job job;
	int ret = job_init(&job, m, err);

	if (ret == 0 && !(job.options.flags & MS_REMOUNT)) {
		if (is_bind(&job))
			ret = *tree = prepare_bind(&job, share_fd, err);
		else if (strcmp(job.type, "sysfs") == 0)
			ret = *tree = detached_make("sysfs", m->source ? m->source : "sysfs",
						    job.options.flags);
		if (ret < 0 && err->code == 0)
			ret = job_fail(&job, ret, "mount", err);
	}
	strbuf_done(&job.options.data);
	return ret < 0 ? ret : 0;
}

int mount_prepare(const struct oci_spec *spec, int share_fd, int *trees, struct error *err)
{
	const struct oci_mount *rows = spec->mounts.items;
	int ret = 0;

	for (size_t i = 0; ret == 0 && i < spec->mounts.len; i++)
		ret = prepare_one(&rows[i], share_fd, &trees[i], err);
	return ret;
}

static int mount_one(const struct oci_mount *m, int tree, const struct mount_context *ctx,
		     struct error *err)
{
	struct job job;
	int ret = job_init(&job, m, err);

	job.ctx = ctx;
	job.tree = tree;
	if (ret == 0)
		ret = run_job(&job, err);
	if (ret == 0)
		ret = set_tree_attributes(&job, err);
	if (ret == 0)
		ret = set_propagation(&job, err);
	strbuf_done(&job.options.data);
	return ret;
}

int mount_all(const struct oci_spec *spec, const struct mount_context *ctx, struct error *err)
{
	const struct oci_mount *rows = spec->mounts.items;

	for (size_t i = 0; i < spec->mounts.len; i++) {
		int ret = mount_one(&rows[i], ctx->trees ? ctx->trees[i] : -1, ctx, err);

		if (ret < 0)
			return ret;
	}
	return 0;
}

/* What was mounted over it is not meant. */
static bool is_covered(const struct oci_spec *spec, size_t at)
{
	const struct oci_mount *rows = spec->mounts.items;

	for (size_t i = at + 1; i < spec->mounts.len; i++)
		if (rows[i].destination && !strcmp(rows[i].destination, rows[at].destination))
			return true;
	return false;
}

static int seal_one(const struct job *job, int root_fd, struct error *err)
{
	auto_close int fd = inroot_open(root_fd, job->m->destination);
	int ret = fd < 0 ? fd : mount_restrict(fd, MS_RDONLY);

	return ret < 0 ? job_fail(job, ret, "make it read-only", err) : 0;
}

int mount_seal(const struct oci_spec *spec, int root_fd, struct error *err)
{
	const struct oci_mount *rows = spec->mounts.items;
	int ret = 0;

	for (size_t i = 0; ret == 0 && i < spec->mounts.len; i++) {
		struct job job;

		ret = job_init(&job, &rows[i], err);
		if (ret == 0 && is_sealed_later(&job) && !is_covered(spec, i))
			ret = seal_one(&job, root_fd, err);
		strbuf_done(&job.options.data);
	}
	return ret;
}
