/* What an original agent does not do with config.json. */
#include <stdio.h>
#include <string.h>
#include "runtime/agent_client/original.h"

enum { D1 = 1 << AGENT_D1, D2 = 1 << AGENT_D2, D3 = 1 << AGENT_D3, EACH = D1 | D2 | D3 };

static void add(struct strvec *out, enum agent_dialect dialect, const char *path)
{
	(void)strvec_addf(out, "%s is not applied: the guest's agent (%s) cannot do it", path,
			  agent_dialect_name(dialect));
}

/* A part of the document: where it stands, who leaves it out, and whether it is there. */
struct part {
	bool set;
	unsigned missing;
	const char *path;
};

static void list_parts(enum agent_dialect dialect, const char *prefix, const struct part *parts,
		       size_t n, struct strvec *out)
{
	char path[96];

	for (size_t i = 0; i < n; i++) {
		if (!parts[i].set || !(parts[i].missing & 1U << dialect))
			continue;
		(void)snprintf(path, sizeof(path), "%s%s", prefix, parts[i].path);
		add(out, dialect, path);
	}
}

static void list_process(enum agent_dialect dialect, const struct oci_process *p, bool is_exec,
			 struct strvec *out)
{
	/* D3 gives an exec what its container has. */
	const unsigned container_only = is_exec ? EACH : D1 | D2;
	const struct part parts[] = {
		{ p->capabilities, container_only, "capabilities" },
		{ p->no_new_privileges, container_only, "noNewPrivileges" },
		{ p->rlimits.len > 0, EACH, "rlimits" },
		{ p->user.umask.set, EACH, "user.umask" },
		{ p->apparmor_profile && *p->apparmor_profile, EACH, "apparmorProfile" },
		{ p->selinux_label && *p->selinux_label, EACH, "selinuxLabel" },
		{ p->oom_score_adj.set, EACH, "oomScoreAdj" },
		{ p->scheduler, EACH, "scheduler" },
		{ p->io_priority, EACH, "ioPriority" },
		{ p->exec_cpu_affinity && is_exec, EACH, "execCPUAffinity" },
	};

	list_parts(dialect, is_exec ? "" : "process.", parts, sizeof(parts) / sizeof(parts[0]),
		   out);
}

static void list_resources(enum agent_dialect dialect, const struct oci_linux_resources *r,
			   struct strvec *out)
{
	const struct oci_cpu *cpu = r->cpu;
	const struct part parts[] = {
		{ r->memory, EACH, "memory" },
		{ cpu && (cpu->quota_us.set || cpu->period_us.set), D1 | D2, "cpu.quota" },
		{ cpu && cpu->shares.set, D1 | D2, "cpu.shares" },
		{ cpu && (cpu->cpus || cpu->mems), EACH, "cpu.cpus" },
		{ r->pids, EACH, "pids" },
		{ r->block_io, EACH, "blockIO" },
		{ r->hugepage_limits.len > 0, EACH, "hugepageLimits" },
		{ r->devices.len > 0, EACH, "devices" },
	};

	list_parts(dialect, "linux.resources.", parts, sizeof(parts) / sizeof(parts[0]), out);
}

static void list_linux(enum agent_dialect dialect, const struct oci_linux *l, struct strvec *out)
{
	const struct oci_namespace *namespaces = l->namespaces.items;
	const struct part parts[] = {
		{ l->seccomp, EACH, "seccomp" },
		{ l->sysctl.len > 0, EACH, "sysctl" },
		{ l->devices.len > 0, EACH, "devices" },
		{ l->masked_paths.len > 0, EACH, "maskedPaths" },
		{ l->readonly_paths.len > 0, EACH, "readonlyPaths" },
		{ l->uid_mappings.len > 0, EACH, "uidMappings" },
		{ l->rootfs_propagation && *l->rootfs_propagation, EACH, "rootfsPropagation" },
		{ l->mount_label && *l->mount_label, EACH, "mountLabel" },
		{ l->personality, EACH, "personality" },
		{ l->intel_rdt, EACH, "intelRdt" },
		{ l->time_offsets.len > 0, EACH, "timeOffsets" },
	};

	list_parts(dialect, "linux.", parts, sizeof(parts) / sizeof(parts[0]), out);
	for (size_t i = 0; i < l->namespaces.len; i++) {
		const char *type = namespaces[i].type;
		char path[64];

		if (strcmp(type, "user") != 0 && strcmp(type, "cgroup") != 0 &&
		    strcmp(type, "time") != 0 && (dialect == AGENT_D3 || strcmp(type, "pid") != 0))
			continue;
		(void)snprintf(path, sizeof(path), "linux.namespaces[%zu] (%s)", i, type);
		add(out, dialect, path);
	}
	if (l->resources)
		list_resources(dialect, l->resources, out);
}

/* The agent makes these by itself, with options of its own. */
static bool is_of_system(const char *destination)
{
	static const char *const system[] = { "/proc",	     "/dev", "/dev/pts",      "/dev/shm",
					      "/dev/mqueue", "/sys", "/sys/fs/cgroup" };

	for (size_t i = 0; i < sizeof(system) / sizeof(system[0]); i++)
		if (strcmp(destination, system[i]) == 0)
			return true;
	return false;
}

static void list_mounts(enum agent_dialect dialect, const struct oci_spec *spec, struct strvec *out)
{
	const struct oci_mount *mounts = spec->mounts.items;

	for (size_t i = 0; i < spec->mounts.len; i++) {
		bool bind = mounts[i].type && strcmp(mounts[i].type, "bind") == 0;
		char path[128];

		for (size_t j = 0; j < mounts[i].options.len; j++)
			bind |= strcmp(mounts[i].options.items[j], "bind") == 0 ||
				strcmp(mounts[i].options.items[j], "rbind") == 0;
		if (bind && mounts[i].source && mounts[i].source[0] == '/' && dialect != AGENT_D3)
			bind = false;
		if (bind || is_of_system(mounts[i].destination))
			continue;
		(void)snprintf(path, sizeof(path), "mounts[%zu] (%.64s)", i, mounts[i].destination);
		add(out, dialect, path);
	}
}

static void list_hooks(enum agent_dialect dialect, const struct oci_hooks *hooks,
		       struct strvec *out)
{
	if (hooks && hooks->create_container.len > 0)
		add(out, dialect, "hooks.createContainer");
	if (hooks && hooks->start_container.len > 0)
		add(out, dialect, "hooks.startContainer");
}

void original_list_unapplied(enum agent_dialect dialect, const struct oci_spec *spec,
			     struct strvec *out)
{
	list_hooks(dialect, spec->hooks, out);
	const struct part parts[] = {
		{ spec->root && spec->root->readonly, D1 | D3, "root.readonly" },
		{ spec->domainname && *spec->domainname, EACH, "domainname" },
	};

	list_process(dialect, spec->process, false, out);
	list_parts(dialect, "", parts, sizeof(parts) / sizeof(parts[0]), out);
	list_mounts(dialect, spec, out);
	if (spec->linux_)
		list_linux(dialect, spec->linux_, out);
}

void original_list_unapplied_exec(enum agent_dialect dialect, const struct oci_process *process,
				  struct strvec *out)
{
	list_process(dialect, process, true, out);
}
