/* What a create stands on: the bundle and the configuration, read and checked before anything is
 * made. */
#include "runtime/sandbox/create_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include "base/cleanup.h"
#include "base/fs.h"
#include "oci/names.h"
#include "runtime/sandbox/pod.h"
#include "runtime/sandbox/shim.h"

static int find_rootfs(struct create *create, const char *bundle, char **rootfs, struct error *err)
{
	const char *path = create->spec.root->path;
	const char *full = path[0] == '/' ? path
					  : arena_printf(&create->arena, "%s/%s", bundle, path);
	struct stat st;
	int ret;

	if (!full)
		return err_set(err, -ENOMEM, "root file system");
	ret = fs_realpath(full, rootfs);
	if (ret == 0 && stat(*rootfs, &st) < 0)
		ret = -errno;
	if (ret == 0 && !S_ISDIR(st.st_mode))
		ret = -ENOTDIR;
	return ret < 0 ? err_set(err, ret, "invalid rootfs '%s' (root.path of config.json)", full)
		       : 0;
}

/* The network's is looked at where it is joined. */
static int check_namespace_paths(const struct oci_spec *spec, struct error *err)
{
	const struct oci_namespace *rows = spec->linux_ ? spec->linux_->namespaces.items : NULL;
	size_t n = spec->linux_ ? spec->linux_->namespaces.len : 0;

	for (size_t i = 0; i < n; i++) {
		const char *path = rows[i].path;
		auto_close int fd = -1;

		if (!path || !*path || strcmp(rows[i].type, "network") == 0)
			continue;
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
		if (fd < 0 && errno == ENOENT)
			return err_msg(err, -ENOENT,
				       "namespace path: stat %s: no such file or directory", path);
		if (fd >= 0 && ioctl(fd, NS_GET_NSTYPE) != oci_namespace_flag(rows[i].type))
			return err_msg(err, -EINVAL,
				       "'%s' is no %s namespace (linux.namespaces of config.json)",
				       path, rows[i].type);
	}
	return 0;
}

static int read_bundle(struct create *create, char **bundle, char **rootfs, struct error *err)
{
	const char *given = create->request->bundle ? create->request->bundle : ".";
	auto_close int bundle_fd = -1;
	int ret = fs_realpath(given, bundle);

	if (ret < 0)
		return err_set(err, ret, "open the bundle '%s'", given);
	bundle_fd = fs_open_dir_at(AT_FDCWD, *bundle);
	if (bundle_fd < 0)
		return err_set(err, bundle_fd, "open the bundle '%s'", given);
	ret = oci_spec_load(bundle_fd, "config.json", &create->arena, &create->spec, err);
	if (ret < 0)
		return err_ctx(err, "bundle '%s'", *bundle);
	ret = oci_spec_check(&create->spec, err);
	if (ret == 0)
		ret = check_namespace_paths(&create->spec, err);
	if (ret == 0)
		ret = shim_check_terminal(create->request->detach, create->spec.process->terminal,
					  create->request->console_socket, err);
	if (ret == 0)
		ret = find_rootfs(create, *bundle, rootfs, err);
	return ret;
}

static int read_config(struct create *create, struct error *err)
{
	auto_strvec struct strvec ignored = { 0 };
	const char *hypervisor;
	int ret = config_load(create->request->config, &create->arena, &create->config, err);

	if (ret < 0)
		return ret;
	hypervisor = machine_hypervisor_name(&create->config, err);
	if (!hypervisor)
		return err->code;
	ret = config_apply_annotations(&create->config, hypervisor, &create->spec.annotations,
				       &create->arena, &ignored, err);
	if (ret == 0)
		ret = config_apply_vm(&create->config, hypervisor, create->spec.vm, &create->arena,
				      &ignored, err);
	if (ret == 0)
		ret = create_tell_unapplied_inputs(create, &ignored, err);
	return ret < 0 ? ret : machine_choose(&create->machine, &create->config, err);
}

/* Of a container in the machine of another, the configuration's helpers count alone. */
static int read_member(struct create *create, struct error *err)
{
	auto_strvec struct strvec ignored = { 0 };
	int ret = config_load(create->request->config, &create->arena, &create->config, err);

	if (ret == 0)
		ret = create_tell_unapplied_inputs(create, &ignored, err);
	return ret < 0 ? ret : create_read_sandbox(create, err);
}

int create_read_inputs(struct create *create, char **bundle, char **rootfs, struct error *err)
{
	const struct create_request *request = create->request;
	int ret = read_bundle(create, bundle, rootfs, err);

	if (ret == 0)
		ret = pod_find_sandbox(request->root, request->id, &create->spec, &create->arena,
				       &create->sandbox_id, err);
	if (ret == 0)
		ret = create->sandbox_id ? read_member(create, err) : read_config(create, err);
	if (ret < 0 ||
	    create->machine.hypervisor->caps & (HV_CAP_SHARED_DIR | HV_CAP_BLOCK_HOTPLUG))
		return ret;
	return err_msg(err, -ENOTSUP,
		       "cannot give the guest the root file system '%s': %s neither shares "
		       "directories with its guests nor gives them disks",
		       *rootfs, create->machine.hypervisor->name);
}
