/* What "linux" of a document must say beyond its form. */
#include "oci/spec_internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "oci/names.h"

static int check_namespaces(const struct json_objs *namespaces, struct error *err)
{
	const struct oci_namespace *ns = namespaces->items;

	for (size_t i = 0; i < namespaces->len; i++) {
		const char *type = oci_or_empty(ns[i].type);

		if (oci_namespace_flag(type) < 0)
			return err_msg(err, -EINVAL, "namespace \"%s\" does not exist", type);
		if (!oci_is_empty(ns[i].path) && ns[i].path[0] != '/')
			return err_msg(err, -EINVAL,
				       "namespace \"%s\": path '%s' is not an absolute path", type,
				       ns[i].path);
		for (size_t j = 0; j < i; j++) {
			if (strcmp(oci_or_empty(ns[j].type), type) == 0)
				return err_msg(err, -EINVAL,
					       "malformed spec file: duplicated ns \"%s\"", type);
		}
	}
	return 0;
}

static int check_devices(const struct json_objs *devices, struct error *err)
{
	static const char *const known[] = { "c", "u", "b", "p", NULL };
	const struct oci_device *d = devices->items;

	for (size_t i = 0; i < devices->len; i++) {
		if (oci_is_empty(d[i].path) || d[i].path[0] != '/')
			return err_msg(err, -EINVAL,
				       "linux.devices[%zu]: path '%s' is not an absolute path", i,
				       oci_or_empty(d[i].path));
		if (oci_is_empty(d[i].type) || !oci_is_one_of(d[i].type, known))
			return err_msg(err, -EINVAL, "invalid device type \"%s\" of %s",
				       oci_or_empty(d[i].type), d[i].path);
	}
	return 0;
}

static int check_time_offsets(const struct json_obj_map *offsets, struct error *err)
{
	static const char *const known[] = { "monotonic", "boottime", NULL };

	for (size_t i = 0; i < offsets->len; i++) {
		if (!oci_is_one_of(offsets->keys[i], known))
			return err_msg(err, -EINVAL,
				       "linux.timeOffsets: there is no clock \"%s\" (monotonic and "
				       "boottime are)",
				       offsets->keys[i]);
	}
	return 0;
}

/* "2MB", "1GB": as the files of the cgroup are called. */
static bool is_page_size(const char *text)
{
	size_t digits = strspn(text, "0123456789");

	return digits > 0 && text[0] != '0' && text[digits] != '\0' &&
	       strchr("KMG", text[digits]) && strcmp(text + digits + 1, "B") == 0;
}

static int check_resources(const struct oci_linux_resources *r, struct error *err)
{
	const struct oci_hugepage_limit *limits = r->hugepage_limits.items;
	const struct oci_device_cgroup *rules = r->devices.items;
	static const char *const types[] = { "a", "b", "c", NULL };

	for (size_t i = 0; i < r->hugepage_limits.len; i++)
		if (!is_page_size(oci_or_empty(limits[i].page_size)))
			return err_msg(err, -EINVAL,
				       "linux.resources.hugepageLimits[%zu].pageSize: \"%s\" is no "
				       "size as in \"64KB\" and \"2MB\"",
				       i, oci_or_empty(limits[i].page_size));
	for (size_t i = 0; i < r->devices.len; i++)
		if (!oci_is_empty(rules[i].type) && !oci_is_one_of(rules[i].type, types))
			return err_msg(err, -EINVAL,
				       "linux.resources.devices[%zu].type: \"%s\" is none of a, b "
				       "and c",
				       i, rules[i].type);
	return 0;
}

static int check_action(const char *where, size_t i, const char *action, struct error *err)
{
	char index[32] = "";

	if (oci_is_one_of(oci_or_empty(action), oci_seccomp_actions))
		return 0;
	if (where[0] == 's')
		(void)snprintf(index, sizeof(index), "[%zu]", i);
	if (strcmp(oci_or_empty(action), "SCMP_ACT_NOTIFY") == 0)
		return err_msg(err, -ENOTSUP,
			       "linux.seccomp.%s%s: action \"SCMP_ACT_NOTIFY\" is not supported: "
			       "its listener is outside the virtual machine",
			       where, index);
	return err_msg(err, -EINVAL, "linux.seccomp.%s%s: action \"%s\" does not exist", where,
		       index, oci_or_empty(action));
}

static int check_syscall(size_t i, const struct oci_syscall *row, struct error *err)
{
	const struct oci_seccomp_arg *args = row->args.items;
	int ret = check_action("syscalls", i, row->action, err);

	if (ret < 0)
		return ret;
	if (row->names.len == 0)
		return err_msg(err, -EINVAL, "linux.seccomp.syscalls[%zu]: names must not be empty",
			       i);
	for (size_t j = 0; j < row->args.len; j++)
		if (!oci_is_one_of(oci_or_empty(args[j].op), oci_seccomp_operators))
			return err_msg(err, -EINVAL,
				       "linux.seccomp.syscalls[%zu].args[%zu]: operator \"%s\" "
				       "does not exist",
				       i, j, oci_or_empty(args[j].op));
	return 0;
}

static int check_seccomp(const struct oci_seccomp *seccomp, struct error *err)
{
	const struct oci_syscall *rows = seccomp->syscalls.items;
	int ret;

	if (!oci_seccomp_is_wanted(seccomp))
		return 0;
	ret = check_action("defaultAction", 0, seccomp->default_action, err);
	for (size_t i = 0; ret == 0 && i < seccomp->syscalls.len; i++)
		ret = check_syscall(i, &rows[i], err);
	return ret;
}

static int check_mappings(const char *member, const struct json_objs *rows, struct error *err)
{
	const struct oci_id_mapping *map = rows->items;

	for (size_t i = 0; i < rows->len; i++)
		if (map[i].size == 0)
			return err_msg(err, -EINVAL, "linux.%s[%zu].size must not be zero", member,
				       i);
	return 0;
}

static int check_personality(const struct oci_personality *personality, struct error *err)
{
	static const char *const domains[] = { "LINUX", "LINUX32", NULL };

	if (!personality || oci_is_one_of(oci_or_empty(personality->domain), domains))
		return 0;
	return err_msg(err, -EINVAL, "linux.personality: domain \"%s\" does not exist",
		       oci_or_empty(personality->domain));
}

int oci_linux_check(const struct oci_linux *l, struct error *err)
{
	static const char *const propagations[] = { "private",	  "rprivate",	 "slave",
						    "rslave",	  "shared",	 "rshared",
						    "unbindable", "runbindable", NULL };
	int ret = check_namespaces(&l->namespaces, err);

	if (ret == 0)
		ret = check_devices(&l->devices, err);
	if (ret == 0)
		ret = check_time_offsets(&l->time_offsets, err);
	if (ret == 0)
		ret = check_mappings("uidMappings", &l->uid_mappings, err);
	if (ret == 0)
		ret = check_mappings("gidMappings", &l->gid_mappings, err);
	if (ret == 0 && l->resources)
		ret = check_resources(l->resources, err);
	if (ret == 0 && l->seccomp)
		ret = check_seccomp(l->seccomp, err);
	if (ret == 0)
		ret = check_personality(l->personality, err);
	if (ret < 0)
		return ret;
	if (!oci_is_empty(l->rootfs_propagation) &&
	    !oci_is_one_of(l->rootfs_propagation, propagations))
		return err_msg(err, -EINVAL, "rootfsPropagation=%s is not supported",
			       l->rootfs_propagation);
	return 0;
}
