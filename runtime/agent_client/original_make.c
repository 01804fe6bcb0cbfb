/* config.json in terms of the original agents' calls. */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include "base/log.h"
#include "runtime/agent_client/original.h"

static int no_memory(struct error *err)
{
	return err_set(err, -ENOMEM, "describe the container to the guest");
}

static const char *or_empty(const char *text)
{
	return text ? text : "";
}

/* With or without a number of bits behind it. "" and "default" are of both families. */
static bool is_ipv6(const char *text)
{
	return strchr(or_empty(text), ':') != NULL;
}

static bool is_loopback(const char *address)
{
	struct in_addr addr;

	return inet_pton(AF_INET, or_empty(address), &addr) == 1 &&
	       (ntohl(addr.s_addr) >> 24) == IN_LOOPBACKNET;
}

static int make_addresses(const struct call_interface *interface, struct arena *arena,
			  struct json_objs *out)
{
	const struct call_ip_address *from = interface->ip_addresses.items;
	struct call_ip_address *to =
		arena_calloc(arena, interface->ip_addresses.len + 1, sizeof(*to));

	*out = (struct json_objs){ .items = to };
	for (size_t i = 0; to && i < interface->ip_addresses.len; i++) {
		if (is_ipv6(from[i].ip_address))
			log_warning(
				"interface '%s': address %s is left out: the guest's agent knows no IPv6",
				or_empty(interface->new_device_name), from[i].ip_address);
		else if (!is_loopback(from[i].ip_address))
			to[out->len++] = from[i];
	}
	return to ? 0 : -ENOMEM;
}

static int make_interfaces(enum agent_dialect dialect, const struct call_startpod *pod,
			   struct arena *arena, struct json_objs *out)
{
	const struct call_interface *from = pod->interfaces.items;
	struct call_interface *to = arena_calloc(arena, pod->interfaces.len + 1, sizeof(*to));

	*out = (struct json_objs){ .items = to, .len = pod->interfaces.len };
	for (size_t i = 0; to && i < out->len; i++) {
		to[i] = from[i];
		/* D2 goes by the device's name alone. */
		if (dialect == AGENT_D2 && !to[i].device)
			to[i].device = to[i].new_device_name;
		if (make_addresses(&from[i], arena, &to[i].ip_addresses) < 0)
			return -ENOMEM;
	}
	return to ? 0 : -ENOMEM;
}

static int make_routes(const struct call_startpod *pod, struct arena *arena, struct json_objs *out)
{
	const struct call_route *from = pod->routes.items;
	struct call_route *to = arena_calloc(arena, pod->routes.len + 1, sizeof(*to));

	*out = (struct json_objs){ .items = to };
	for (size_t i = 0; to && i < pod->routes.len; i++) {
		bool gateway = is_ipv6(from[i].gateway);

		if (gateway || is_ipv6(from[i].dest)) {
			log_warning("unsupported route: unsupported-route-type=ipv6 %s=%s",
				    gateway ? "gateway" : "destination",
				    gateway ? from[i].gateway : from[i].dest);
			continue;
		}
		to[out->len] = from[i];
		if (strcmp(or_empty(from[i].dest), "0.0.0.0/0") == 0)
			to[out->len].dest = "default";
		out->len++;
	}
	return to ? 0 : -ENOMEM;
}

int original_make_pod(enum agent_dialect dialect, const struct call_startpod *pod,
		      struct arena *arena, struct call_startpod *out, struct error *err)
{
	*out = *pod;
	out->msize = 0;
	out->hostname = arena_printf(arena, "%.*s", ORIGINAL_HOSTNAME_MAX, or_empty(pod->hostname));
	if (!out->hostname || make_interfaces(dialect, pod, arena, &out->interfaces) < 0 ||
	    make_routes(pod, arena, &out->routes) < 0)
		return no_memory(err);
	return 0;
}

static int make_envs(const struct json_strs *env, struct arena *arena, struct json_objs *out)
{
	struct call_env *rows = arena_calloc(arena, env->len + 1, sizeof(*rows));

	*out = (struct json_objs){ .items = rows, .len = env->len };
	for (size_t i = 0; rows && i < env->len; i++) {
		size_t name_len = strcspn(env->items[i], "=");
		const char *value = env->items[i] + name_len;

		rows[i].env = arena_printf(arena, "%.*s", (int)name_len, env->items[i]);
		rows[i].value = *value ? value + 1 : "";
		if (!rows[i].env)
			return -ENOMEM;
	}
	return rows ? 0 : -ENOMEM;
}

static int make_groups(const struct json_nums *gids, struct arena *arena, struct json_strs *out)
{
	out->items = arena_calloc(arena, gids->len + 1, sizeof(*out->items));
	out->len = gids->len;
	for (size_t i = 0; out->items && i < gids->len; i++) {
		out->items[i] = arena_printf(arena, "%lld", (long long)gids->items[i]);
		if (!out->items[i])
			return -ENOMEM;
	}
	return out->items ? 0 : -ENOMEM;
}

int original_make_process(const struct oci_process *process, struct arena *arena,
			  struct call_process *out, struct error *err)
{
	*out = (struct call_process){
		.user = arena_printf(arena, "%u", process->user.uid),
		.group = arena_printf(arena, "%u", process->user.gid),
		.terminal = process->terminal,
		.args = process->args,
		.workdir = process->cwd,
		.no_new_privileges = process->no_new_privileges,
	};
	if (!out->user || !out->group || make_envs(&process->env, arena, &out->envs) < 0 ||
	    make_groups(&process->user.additional_gids, arena, &out->additional_groups) < 0)
		return no_memory(err);
	if (process->capabilities)
		out->capabilities = (struct call_capabilities){
			.bounding = process->capabilities->bounding,
			.effective = process->capabilities->effective,
			.inheritable = process->capabilities->inheritable,
			.permitted = process->capabilities->permitted,
			.ambient = process->capabilities->ambient,
		};
	return 0;
}

static bool has_option(const struct oci_mount *mount, const char *option)
{
	for (size_t i = 0; i < mount->options.len; i++)
		if (strcmp(mount->options.items[i], option) == 0)
			return true;
	return false;
}

/* As runc sees it: the options say so, whatever the type does. */
static bool is_bind(const struct oci_mount *mount)
{
	return has_option(mount, "bind") || has_option(mount, "rbind") ||
	       (mount->type && strcmp(mount->type, "bind") == 0);
}

static int make_fsmap(enum agent_dialect dialect, const struct oci_spec *spec, struct arena *arena,
		      struct json_objs *out)
{
	const struct oci_mount *mounts = spec->mounts.items;
	struct call_fsmap *rows = arena_calloc(arena, spec->mounts.len + 1, sizeof(*rows));

	*out = (struct json_objs){ .items = rows };
	for (size_t i = 0; rows && i < spec->mounts.len; i++) {
		bool own = mounts[i].source && mounts[i].source[0] == '/';

		/* Only D3 can be told of a place of the guest's own. */
		if (!is_bind(&mounts[i]) || (own && dialect != AGENT_D3))
			continue;
		rows[out->len++] = (struct call_fsmap){
			.source = mounts[i].source,
			.path = mounts[i].destination,
			.read_only = has_option(&mounts[i], "ro"),
			.absolute_path = own,
		};
	}
	return rows ? 0 : -ENOMEM;
}

/* Quota and period count together or not at all. */
static void make_constraints(const struct oci_linux *linux_, struct call_constraints *out)
{
	const struct oci_cpu *cpu = linux_ && linux_->resources ? linux_->resources->cpu : NULL;

	if (!cpu)
		return;
	if (cpu->quota_us.value != 0 && cpu->period_us.value != 0) {
		out->cpu_quota = cpu->quota_us.value;
		out->cpu_period = cpu->period_us.value;
	}
	out->cpu_shares = cpu->shares.value;
}

int original_make_container(enum agent_dialect dialect, const char *id, const char *rootfs,
			    const struct oci_spec *spec, struct arena *arena,
			    struct call_newcontainer *out, struct error *err)
{
	const char *slash = strrchr(rootfs, '/');

	*out = (struct call_newcontainer){
		.id = id,
		.image = slash ? arena_printf(arena, "%.*s", (int)(slash - rootfs), rootfs) : ".",
		.rootfs = slash ? slash + 1 : rootfs,
		.read_only = spec->root && spec->root->readonly,
	};
	make_constraints(spec->linux_, &out->constraints);
	if (!out->image || make_fsmap(dialect, spec, arena, &out->fsmap) < 0)
		return no_memory(err);
	return original_make_process(spec->process, arena, &out->process, err);
}
