#include "oci/spec.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "base/fs.h"
#include "base/strbuf.h"
#include "oci/spec_internal.h"

static const struct json_row root_rows[] = {
	ALWAYS("path", oci_root, path),
	FIELD("readonly", oci_root, readonly),
};

const struct json_type oci_root_type = JSON_TYPE(oci_root, root_rows);

static const struct json_row mount_rows[] = {
	ALWAYS("destination", oci_mount, destination),
	FIELD("type", oci_mount, type),
	FIELD("source", oci_mount, source),
	FIELD("options", oci_mount, options),
	OBJECT("uidMappings", oci_mount, uid_mappings, oci_id_mapping_type),
	OBJECT("gidMappings", oci_mount, gid_mappings, oci_id_mapping_type),
};

const struct json_type oci_mount_type = JSON_TYPE(oci_mount, mount_rows);

static const struct json_row hook_rows[] = {
	ALWAYS("path", oci_hook, path),
	FIELD("args", oci_hook, args),
	FIELD("env", oci_hook, env),
	FIELD("timeout", oci_hook, timeout_s),
};

const struct json_type oci_hook_type = JSON_TYPE(oci_hook, hook_rows);

static const struct json_row hooks_rows[] = {
	OBJECT("prestart", oci_hooks, prestart, oci_hook_type),
	OBJECT("createRuntime", oci_hooks, create_runtime, oci_hook_type),
	OBJECT("createContainer", oci_hooks, create_container, oci_hook_type),
	OBJECT("startContainer", oci_hooks, start_container, oci_hook_type),
	OBJECT("poststart", oci_hooks, poststart, oci_hook_type),
	OBJECT("poststop", oci_hooks, poststop, oci_hook_type),
};

const struct json_type oci_hooks_type = JSON_TYPE(oci_hooks, hooks_rows);

static const struct json_row vm_hypervisor_rows[] = {
	FIELD("path", oci_vm_hypervisor, path),
	FIELD("parameters", oci_vm_hypervisor, parameters),
};

static const struct json_type vm_hypervisor_type = JSON_TYPE(oci_vm_hypervisor, vm_hypervisor_rows);

static const struct json_row vm_kernel_rows[] = {
	ALWAYS("path", oci_vm_kernel, path),
	FIELD("parameters", oci_vm_kernel, parameters),
	FIELD("initrd", oci_vm_kernel, initrd),
};

static const struct json_type vm_kernel_type = JSON_TYPE(oci_vm_kernel, vm_kernel_rows);

static const struct json_row vm_image_rows[] = {
	ALWAYS("path", oci_vm_image, path),
	ALWAYS("format", oci_vm_image, format),
};

static const struct json_type vm_image_type = JSON_TYPE(oci_vm_image, vm_image_rows);

static const struct json_row vm_iomem_rows[] = {
	FIELD("firstGFN", oci_vm_iomem, first_gfn),
	FIELD("firstMFN", oci_vm_iomem, first_mfn),
	FIELD("nrMFNs", oci_vm_iomem, count),
};

static const struct json_type vm_iomem_type = JSON_TYPE(oci_vm_iomem, vm_iomem_rows);

static const struct json_row vm_hw_rows[] = {
	FIELD("deviceTree", oci_vm_hw, device_tree),
	FIELD("vcpus", oci_vm_hw, vcpus),
	FIELD("memory", oci_vm_hw, memory),
	FIELD("dtdevs", oci_vm_hw, dtdevs),
	OBJECT("iomems", oci_vm_hw, iomems, vm_iomem_type),
	FIELD("irqs", oci_vm_hw, irqs),
};

static const struct json_type vm_hw_type = JSON_TYPE(oci_vm_hw, vm_hw_rows);

static const struct json_row vm_rows[] = {
	OBJECT("hypervisor", oci_vm, hypervisor, vm_hypervisor_type),
	OBJECT("kernel", oci_vm, kernel, vm_kernel_type),
	OBJECT("image", oci_vm, image, vm_image_type),
	OBJECT("hwConfig", oci_vm, hw, vm_hw_type),
};

const struct json_type oci_vm_type = JSON_TYPE(oci_vm, vm_rows);

static const struct json_row spec_rows[] = {
	ALWAYS("ociVersion", oci_spec, oci_version),
	OBJECT("process", oci_spec, process, oci_process_type),
	OBJECT("root", oci_spec, root, oci_root_type),
	FIELD("hostname", oci_spec, hostname),
	FIELD("domainname", oci_spec, domainname),
	OBJECT("mounts", oci_spec, mounts, oci_mount_type),
	OBJECT("hooks", oci_spec, hooks, oci_hooks_type),
	FIELD("annotations", oci_spec, annotations),
	OBJECT("linux", oci_spec, linux_, oci_linux_type),
	OBJECT("vm", oci_spec, vm, oci_vm_type),
};

const struct json_type oci_spec_type = JSON_TYPE(oci_spec, spec_rows);

static const struct json_limits spec_limits = {
	.max_depth = OCI_SPEC_DEPTH,
	.max_bytes = OCI_SPEC_MAX,
};

/* The directory behind a descriptor, for messages. */
static const char *dir_name(int dir_fd, char buf[PATH_MAX])
{
	char link[64];
	ssize_t len;

	if (dir_fd == AT_FDCWD)
		(void)snprintf(link, sizeof(link), "/proc/self/cwd");
	else
		(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", dir_fd);
	len = readlink(link, buf, PATH_MAX - 1);
	if (len < 0)
		return "?";
	buf[len] = '\0';
	return buf;
}

static int load_text(int dir_fd, const char *file, const char *place, struct strbuf *text,
		     struct error *err)
{
	int ret = fs_read_file_at(dir_fd, file, text, OCI_SPEC_MAX);

	if (ret == -ENOENT) {
		err_msg(err, ret, "JSON specification file %s not found", file);
		return err_hint(err, "looked for '%s'; --bundle names the directory it is in",
				place);
	}
	if (ret == -EFBIG)
		return err_msg(err, ret, "'%s' is larger than the %d MiB that are allowed", place,
			       OCI_SPEC_MAX >> 20);
	return ret < 0 ? err_set(err, ret, "read '%s'", place) : 0;
}

int oci_spec_load(int bundle_dir_fd, const char *file, struct arena *arena, struct oci_spec *spec,
		  struct error *err)
{
	auto_strbuf struct strbuf text = { 0 };
	char dir[PATH_MAX];
	char place[2 * PATH_MAX];
	int ret;

	if (file[0] == '/')
		(void)snprintf(place, sizeof(place), "%.*s", PATH_MAX, file);
	else
		(void)snprintf(place, sizeof(place), "%s/%.*s", dir_name(bundle_dir_fd, dir),
			       PATH_MAX - 2, file);
	ret = load_text(bundle_dir_fd, file, place, &text, err);
	if (ret < 0)
		return ret;
	ret = json_decode(&oci_spec_type, strbuf_str(&text), text.len, &spec_limits, arena, spec,
			  err);
	return ret < 0 ? err_ctx(err, "'%s'", place) : 0;
}

int oci_process_decode(const char *name, const char *text, size_t len, struct arena *arena,
		       struct oci_process *process, struct error *err)
{
	int ret = json_decode(&oci_process_type, text, len, &spec_limits, arena, process, err);

	return ret < 0 ? err_ctx(err, "'%s'", name) : 0;
}

const char *oci_spec_namespace(const struct oci_spec *spec, const char *type)
{
	const struct oci_namespace *ns;

	if (!spec->linux_)
		return NULL;
	ns = spec->linux_->namespaces.items;
	for (size_t i = 0; i < spec->linux_->namespaces.len; i++) {
		if (ns[i].type && strcmp(ns[i].type, type) == 0)
			return ns[i].path ? ns[i].path : "";
	}
	return NULL;
}

bool oci_mount_has_option(const struct oci_mount *mount, const char *option)
{
	for (size_t i = 0; i < mount->options.len; i++)
		if (strcmp(mount->options.items[i], option) == 0)
			return true;
	return false;
}

bool oci_mount_is_bind(const struct oci_mount *mount)
{
	return (mount->type && strcmp(mount->type, "bind") == 0) ||
	       oci_mount_has_option(mount, "bind") || oci_mount_has_option(mount, "rbind");
}

bool oci_mount_is_mapped(const struct oci_mount *mount)
{
	return mount->uid_mappings.len > 0 || mount->gid_mappings.len > 0 ||
	       oci_mount_has_option(mount, "idmap") || oci_mount_has_option(mount, "ridmap");
}

const char *oci_spec_annotation(const struct oci_spec *spec, const char *key)
{
	const struct json_map *map = &spec->annotations;

	for (size_t i = 0; i < map->len; i++) {
		if (strcmp(map->items[i].key, key) == 0)
			return map->items[i].value;
	}
	return NULL;
}

bool oci_seccomp_is_wanted(const struct oci_seccomp *seccomp)
{
	return seccomp && (!oci_is_empty(seccomp->default_action) || seccomp->syscalls.len > 0);
}

bool oci_is_empty(const char *text)
{
	return !text || !*text;
}

const char *oci_or_empty(const char *text)
{
	return text ? text : "";
}

bool oci_is_one_of(const char *word, const char *const *words)
{
	for (; *words; words++) {
		if (strcmp(*words, word) == 0)
			return true;
	}
	return false;
}
