#include "agent/guest/d3.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "agent/guest/fail.h"

/* What a container of the older calls may do unless it says otherwise. */
static const char *const default_caps[] = {
	"CAP_CHOWN",   "CAP_DAC_OVERRIDE", "CAP_FSETID",	   "CAP_FOWNER",      "CAP_MKNOD",
	"CAP_NET_RAW", "CAP_SETGID",	   "CAP_SETUID",	   "CAP_SETFCAP",     "CAP_SETPCAP",
	"CAP_KILL",    "CAP_SYS_CHROOT",   "CAP_NET_BIND_SERVICE", "CAP_AUDIT_WRITE",
};

static const char *const namespaces[] = { "pid", "mount", "uts", "ipc" };

static const struct {
	const char *type;
	const char *destination;
	const char *options[6];
} system_mounts[] = {
	{ "proc", "/proc", { "nosuid", "noexec", "nodev" } },
	{ "tmpfs", "/dev", { "nosuid", "strictatime", "mode=755", "size=65536k" } },
	{ "devpts",
	  "/dev/pts",
	  { "nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5" } },
	{ "tmpfs", "/dev/shm", { "nosuid", "noexec", "nodev", "mode=1777", "size=65536k" } },
	{ "mqueue", "/dev/mqueue", { "nosuid", "noexec", "nodev" } },
	{ "sysfs", "/sys", { "nosuid", "noexec", "nodev" } },
};

enum {
	N_CAPS = sizeof(default_caps) / sizeof(default_caps[0]),
	N_NAMESPACES = sizeof(namespaces) / sizeof(namespaces[0]),
	N_MOUNTS = sizeof(system_mounts) / sizeof(system_mounts[0]),
	OPTIONS_MAX = 6,
};

static int no_memory(struct error *err)
{
	return fail_set(err, -ENOMEM, "take over the request");
}

static int copy_strs(struct arena *arena, const char *const *items, size_t len,
		     struct json_strs *out)
{
	out->items = arena_calloc(arena, len + 1, sizeof(*out->items));
	if (!out->items)
		return -ENOMEM;
	for (size_t i = 0; i < len; i++)
		out->items[i] = items[i];
	out->len = len;
	return 0;
}

static int make_caps(const struct call_capabilities *call, struct arena *arena,
		     struct oci_capabilities **out)
{
	struct oci_capabilities *caps = arena_alloc(arena, sizeof(*caps));
	struct json_strs defaults;

	*out = caps;
	if (!caps)
		return -ENOMEM;
	caps->bounding = call->bounding;
	caps->effective = call->effective;
	caps->inheritable = call->inheritable;
	caps->permitted = call->permitted;
	caps->ambient = call->ambient;
	if (call->bounding.len > 0)
		return 0;
	if (copy_strs(arena, default_caps, N_CAPS, &defaults) < 0)
		return -ENOMEM;
	caps->bounding = defaults;
	caps->effective = defaults;
	caps->permitted = defaults;
	return 0;
}

static int make_env(const struct call_process *call, struct arena *arena, struct json_strs *env)
{
	const struct call_env *rows = call->envs.items;

	env->items = arena_calloc(arena, call->envs.len + 1, sizeof(*env->items));
	if (!env->items)
		return -ENOMEM;
	for (size_t i = 0; i < call->envs.len; i++) {
		const char *text = arena_printf(arena, "%s=%s", rows[i].env ? rows[i].env : "",
						rows[i].value ? rows[i].value : "");

		if (!text)
			return -ENOMEM;
		env->items[env->len++] = text;
	}
	return 0;
}

int d3_make_process(const struct call_process *call, const struct oci_process *container,
		    struct arena *arena, struct oci_process **process, struct error *err)
{
	struct oci_process *out = arena_alloc(arena, sizeof(*out));

	*process = out;
	if (!out || make_env(call, arena, &out->env) < 0)
		return no_memory(err);
	out->terminal = call->terminal;
	out->args = call->args;
	out->cwd = call->workdir && *call->workdir ? call->workdir : "/";
	out->no_new_privileges = call->no_new_privileges;
	if (container) {
		out->capabilities = container->capabilities;
		out->no_new_privileges = container->no_new_privileges;
		return 0;
	}
	return make_caps(&call->capabilities, arena, &out->capabilities) < 0 ? no_memory(err) : 0;
}

int d3_make_names(const struct call_process *call, struct arena *arena, struct user_names **names,
		  struct error *err)
{
	struct user_names *out = arena_alloc(arena, sizeof(*out));

	*names = out;
	if (!out)
		return no_memory(err);
	*out = (struct user_names){ .user = call->user,
				    .group = call->group,
				    .additional_groups = call->additional_groups };
	return 0;
}

int d3_make_rootfs(const struct call_newcontainer *call, struct arena *arena, const char **rootfs,
		   struct error *err)
{
	if ((call->fstype && *call->fstype) || (call->scsi_addr && *call->scsi_addr))
		return err_msg(
			err, -ENOTSUP,
			"container '%s': a root file system on a block device is not supported by this call",
			call->id ? call->id : "");
	*rootfs = arena_printf(arena, "%s/%s", call->image ? call->image : "",
			       call->rootfs ? call->rootfs : "");
	return *rootfs ? 0 : no_memory(err);
}

int d3_make_streams(const struct call_process *call, struct arena *arena,
		    struct call_streams *streams, struct error *err)
{
	*streams = (struct call_streams){
		.id = call->id,
		.terminal = call->terminal,
		.stdio = call->stdio,
		.stderr_stream = call->stderr_stream,
	};
	if (!streams->id || !*streams->id)
		streams->id = arena_printf(arena, "%" PRIu64, call->stdio);
	return streams->id ? 0 : no_memory(err);
}

static int make_namespaces(struct oci_linux *out, struct arena *arena)
{
	struct oci_namespace *rows = arena_calloc(arena, N_NAMESPACES, sizeof(*rows));

	if (!rows)
		return -ENOMEM;
	for (size_t i = 0; i < N_NAMESPACES; i++)
		rows[i].type = namespaces[i];
	out->namespaces = (struct json_objs){ .items = rows, .len = N_NAMESPACES };
	return 0;
}

static int make_resources(const struct call_constraints *call, struct oci_linux *out,
			  struct arena *arena)
{
	struct oci_linux_resources *resources = arena_alloc(arena, sizeof(*resources));
	struct oci_cpu *cpu = arena_alloc(arena, sizeof(*cpu));

	if (!resources || !cpu)
		return -ENOMEM;
	cpu->quota_us = (struct opt_i64){ .set = call->cpu_quota != 0, .value = call->cpu_quota };
	cpu->period_us =
		(struct opt_u64){ .set = call->cpu_period != 0, .value = call->cpu_period };
	cpu->shares = (struct opt_u64){ .set = call->cpu_shares != 0, .value = call->cpu_shares };
	resources->cpu = cpu;
	out->resources = resources;
	return 0;
}

static int add_bind(const struct call_fsmap *map, struct oci_mount *out, struct arena *arena)
{
	const char *options[] = { "rbind", map->read_only ? "ro" : "rw" };

	out->type = "bind";
	out->source = map->source;
	out->destination = map->path;
	return copy_strs(arena, options, 2, &out->options);
}

static int make_mounts(const struct call_newcontainer *call, struct oci_spec *spec,
		       struct arena *arena)
{
	const struct call_fsmap *maps = call->fsmap.items;
	struct oci_mount *rows = arena_calloc(arena, N_MOUNTS + call->fsmap.len, sizeof(*rows));
	int ret = rows ? 0 : -ENOMEM;

	for (size_t i = 0; ret == 0 && i < N_MOUNTS; i++) {
		size_t n = 0;

		while (n < OPTIONS_MAX && system_mounts[i].options[n])
			n++;
		rows[i].type = system_mounts[i].type;
		rows[i].source = system_mounts[i].type;
		rows[i].destination = system_mounts[i].destination;
		ret = copy_strs(arena, system_mounts[i].options, n, &rows[i].options);
	}
	for (size_t i = 0; ret == 0 && i < call->fsmap.len; i++)
		ret = add_bind(&maps[i], &rows[N_MOUNTS + i], arena);
	spec->mounts = (struct json_objs){ .items = rows,
					   .len = ret == 0 ? N_MOUNTS + call->fsmap.len : 0 };
	return ret;
}

int d3_make_spec(const struct call_newcontainer *call, struct arena *arena, struct oci_spec **spec,
		 struct error *err)
{
	struct oci_spec *out = arena_alloc(arena, sizeof(*out));
	const struct call_fsmap *maps = call->fsmap.items;

	*spec = out;
	if (!out)
		return no_memory(err);
	out->linux_ = arena_alloc(arena, sizeof(*out->linux_));
	out->root = arena_alloc(arena, sizeof(*out->root));
	if (!out->linux_ || !out->root)
		return no_memory(err);
	out->root->readonly = call->read_only;
	for (size_t i = 0; i < call->fsmap.len; i++)
		if (maps[i].absolute_path || (maps[i].scsi_addr && *maps[i].scsi_addr))
			return err_msg(
				err, -ENOTSUP,
				"mounting \"%s\": a volume on a block device is not supported by this call",
				maps[i].path ? maps[i].path : "");
	if (make_namespaces(out->linux_, arena) < 0 ||
	    make_resources(&call->constraints, out->linux_, arena) < 0 ||
	    make_mounts(call, out, arena) < 0)
		return no_memory(err);
	return d3_make_process(&call->process, NULL, arena, &out->process, err);
}
