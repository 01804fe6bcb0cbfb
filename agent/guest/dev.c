#include "agent/guest/dev.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "agent/guest/detached.h"
#include "agent/guest/fail.h"
#include "agent/guest/inroot.h"
#include "agent/guest/userns.h"
#include "base/cleanup.h"

static const struct oci_device defaults[] = {
	{ .path = "/dev/null", .type = "c", .major = 1, .minor = 3 },
	{ .path = "/dev/zero", .type = "c", .major = 1, .minor = 5 },
	{ .path = "/dev/full", .type = "c", .major = 1, .minor = 7 },
	{ .path = "/dev/random", .type = "c", .major = 1, .minor = 8 },
	{ .path = "/dev/urandom", .type = "c", .major = 1, .minor = 9 },
	{ .path = "/dev/tty", .type = "c", .major = 5, .minor = 0 },
};

static const struct {
	const char *path;
	const char *target;
} links[] = {
	{ "/dev/fd", "/proc/self/fd" },	      { "/dev/stdin", "/proc/self/fd/0" },
	{ "/dev/stdout", "/proc/self/fd/1" }, { "/dev/stderr", "/proc/self/fd/2" },
	{ "/dev/ptmx", "pts/ptmx" },
};

/* File type bits of "c", "u", "b" or "p"; 0 when unknown. */
static mode_t type_bits(const char *type)
{
	if (!type || type[0] == '\0' || type[1] != '\0')
		return 0;
	switch (type[0]) {
	case 'c':
	case 'u':
		return S_IFCHR;
	case 'b':
		return S_IFBLK;
	case 'p':
		return S_IFIFO;
	default:
		return 0;
	}
}

static bool is_same_node(const struct stat *st, mode_t type, dev_t number)
{
	return (st->st_mode & S_IFMT) == type && (type == S_IFIFO || st->st_rdev == number);
}

static int set_owner(int dir_fd, const char *name, const struct oci_device *device)
{
	mode_t mode = device->file_mode.set ? device->file_mode.value & 07777 : 0666;

	if (fchmodat(dir_fd, name, mode, 0) < 0 ||
	    fchownat(dir_fd, name, device->uid.set ? device->uid.value : 0,
		     device->gid.set ? device->gid.value : 0, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	return 0;
}

/* The machine's own node, if it is the one that is meant. */
static int clone_node(const char *path, mode_t type, dev_t number)
{
	auto_close int source = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (source < 0 || fstat(source, &st) < 0)
		return -errno;
	return is_same_node(&st, type, number) ? detached_clone(source, false) : -ENODEV;
}

/* A node of its own as a detached mount; its name must last until that is attached. */
static int make_tree(const char *name, const struct oci_device *device, mode_t type, dev_t number)
{
	auto_close int tree = -1;
	int ret;

	(void)unlink(name);
	if (mknod(name, type | 0600, number) < 0)
		return -errno;
	ret = set_owner(AT_FDCWD, name, device);
	if (ret == 0)
		ret = tree = clone_node(name, type, number);
	if (ret >= 0)
		ret = detached_allow_devices(tree);
	return ret < 0 ? ret : take_fd(&tree);
}

static int attach_node(int root_fd, const struct oci_device *device, int tree)
{
	auto_close int target = inroot_make(root_fd, device->path, false);

	return target < 0 ? target : detached_attach(tree, target);
}

/* The node is made in the machine's own memory and mounted over an empty file. */
static int bind_node(int root_fd, const struct oci_device *device, mode_t type, dev_t number)
{
	auto_close int tree = -1;
	char name[64];
	int ret;

	(void)snprintf(name, sizeof(name), "/run/node-%ld", (long)getpid());
	tree = make_tree(name, device, type, number);
	ret = tree < 0 ? tree : attach_node(root_fd, device, tree);
	(void)unlink(name);
	return ret;
}

/* Is the directory part of the root file system itself? That comes from the host, where a node
 * would be a device of the host. */
static bool is_on_root(int root_fd, int dir_fd)
{
	struct stat root;
	struct stat dir;

	return fstat(root_fd, &root) == 0 && fstat(dir_fd, &dir) == 0 && root.st_dev == dir.st_dev;
}

static int make_node(int root_fd, const struct oci_device *device)
{
	mode_t type = type_bits(device->type);
	dev_t number = makedev((unsigned)device->major, (unsigned)device->minor);
	auto_close int parent = -1;
	const char *name;
	struct stat st;

	if (!type || !device->path)
		return -EINVAL;
	if (type == S_IFIFO)
		number = 0;
	parent = inroot_make_parent(root_fd, device->path, &name);
	if (parent < 0)
		return parent;
	if (is_on_root(root_fd, parent))
		return bind_node(root_fd, device, type, number);
	if (fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && is_same_node(&st, type, number))
		return set_owner(parent, name, device);
	if (mknodat(parent, name, type | 0600, number) < 0)
		return errno == EPERM ? bind_node(root_fd, device, type, number) : -errno;
	return set_owner(parent, name, device);
}

enum { N_DEFAULTS = sizeof(defaults) / sizeof(defaults[0]) };

size_t dev_count(const struct oci_spec *spec)
{
	return N_DEFAULTS + (spec->linux_ ? spec->linux_->devices.len : 0);
}

static const struct oci_device *find_device(const struct oci_spec *spec, size_t i)
{
	const struct oci_device *rows = spec->linux_ ? spec->linux_->devices.items : NULL;

	return i < N_DEFAULTS ? &defaults[i] : &rows[i - N_DEFAULTS];
}

static int node_fail(const struct oci_device *device, int code, struct error *err)
{
	return fail_set(err, code, "creating device node \"%s\"", device->path ? device->path : "");
}

static bool dev_is_bound(const struct oci_spec *spec)
{
	const struct oci_mount *rows = spec->mounts.items;

	for (size_t i = 0; i < spec->mounts.len; i++)
		if (rows[i].destination &&
		    (strcmp(rows[i].destination, "/dev") == 0 ||
		     strcmp(rows[i].destination, "/dev/") == 0) &&
		    (!rows[i].type || strcmp(rows[i].type, "bind") == 0))
			return true;
	return false;
}

/* Owned by whom the numbers of config.json mean in the container. */
static int prepare_node(const struct oci_spec *spec, const struct oci_device *device,
			const char *name)
{
	mode_t type = type_bits(device->type);
	dev_t number = makedev((unsigned)device->major, (unsigned)device->minor);
	struct oci_device mapped = *device;

	mapped.uid.set =
		userns_map(&spec->linux_->uid_mappings, device->uid.value, &mapped.uid.value);
	mapped.gid.set =
		userns_map(&spec->linux_->gid_mappings, device->gid.value, &mapped.gid.value);
	return make_tree(name, &mapped, type, number);
}

int dev_prepare(const struct oci_spec *spec, const char *dir, int *trees, struct error *err)
{
	size_t n = dev_is_bound(spec) ? 0 : dev_count(spec);

	for (size_t i = 0; i < n; i++) {
		const struct oci_device *device = find_device(spec, i);
		mode_t type = type_bits(device->type);
		char name[64];

		/* a pipe needs no privilege */
		if (!S_ISCHR(type) && !S_ISBLK(type))
			continue;
		if (i < N_DEFAULTS)
			trees[i] = clone_node(device->path, type,
					      makedev((unsigned)device->major,
						      (unsigned)device->minor));
		else if (snprintf(name, sizeof(name), "%s/node-%zu", dir, i) < (int)sizeof(name))
			trees[i] = prepare_node(spec, device, name);
		if (trees[i] < 0)
			return node_fail(device, trees[i], err);
	}
	return 0;
}

static int make_nodes(const struct oci_spec *spec, int root_fd, const int *trees, struct error *err)
{
	for (size_t i = 0; i < dev_count(spec); i++) {
		const struct oci_device *device = find_device(spec, i);
		int ret = trees && trees[i] >= 0 ? attach_node(root_fd, device, trees[i])
						 : make_node(root_fd, device);

		if (ret < 0)
			return node_fail(device, ret, err);
	}
	return 0;
}

static int make_link(int root_fd, const char *path, const char *target)
{
	auto_close int parent = -1;
	const char *name;

	parent = inroot_make_parent(root_fd, path, &name);
	if (parent < 0)
		return parent;
	if (strcmp(name, "ptmx") == 0)
		(void)unlinkat(parent, name, 0);
	if (symlinkat(target, parent, name) < 0 && errno != EEXIST)
		return -errno;
	return 0;
}

int dev_make_all(const struct oci_spec *spec, int root_fd, const int *trees, struct error *err)
{
	int ret;

	if (dev_is_bound(spec))
		return 0;
	ret = make_nodes(spec, root_fd, trees, err);
	for (size_t i = 0; ret == 0 && i < sizeof(links) / sizeof(links[0]); i++) {
		ret = make_link(root_fd, links[i].path, links[i].target);
		if (ret < 0)
			return fail_set(err, ret, "creating link \"%s\"", links[i].path);
	}
	return ret;
}
