#include "oci/spec.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <string.h>
#include "oci/cpus.h"
#include "oci/names.h"
#include "oci/spec_internal.h"

/* One sentence a row: `broken` says whether the document violates it. */
struct rule {
	bool (*broken)(const struct oci_spec *spec);
	const char *text;
};

/* --- process --- */

static int check_rlimits(const struct json_objs *rlimits, struct error *err)
{
	const struct oci_rlimit *items = rlimits->items;

	for (size_t i = 0; i < rlimits->len; i++) {
		const char *type = oci_or_empty(items[i].type);

		if (oci_rlimit_number(type) < 0)
			return err_msg(err, -EINVAL, "wrong rlimit value: %s", type);
		if (items[i].soft > items[i].hard)
			return err_msg(err, -EINVAL,
				       "%s: the soft limit %" PRIu64
				       " is above the hard limit %" PRIu64,
				       type, items[i].soft, items[i].hard);
		for (size_t j = 0; j < i; j++) {
			if (strcmp(oci_or_empty(items[j].type), type) == 0)
				return err_msg(err, -EINVAL, "duplicated rlimits: %s", type);
		}
	}
	return 0;
}

static int check_scheduler(const struct oci_scheduler *sched, struct error *err)
{
	static const char *const realtime[] = { "SCHED_FIFO", "SCHED_RR", NULL };
	static const char *const known[] = { "SCHED_OTHER",    "SCHED_FIFO", "SCHED_RR",
					     "SCHED_BATCH",    "SCHED_ISO",  "SCHED_IDLE",
					     "SCHED_DEADLINE", NULL };

	if (oci_is_empty(sched->policy))
		return err_msg(err, -EINVAL, "scheduler policy is required");
	if (!oci_is_one_of(sched->policy, known))
		return err_msg(err, -EINVAL, "invalid scheduler policy: %s", sched->policy);
	if (sched->nice < -20 || sched->nice > 19)
		return err_msg(err, -EINVAL, "invalid scheduler.nice: %" PRId32, sched->nice);
	if (sched->priority != 0 && !oci_is_one_of(sched->policy, realtime))
		return err_msg(err, -EINVAL,
			       "scheduler.priority can only be specified for SchedFIFO or "
			       "SchedRR policy");
	if ((sched->runtime_ns || sched->deadline_ns || sched->period_ns) &&
	    strcmp(sched->policy, "SCHED_DEADLINE") != 0)
		return err_msg(err, -EINVAL,
			       "scheduler runtime/deadline/period can only be specified for "
			       "SchedDeadline policy");
	return 0;
}

static int check_io_priority(const struct oci_io_priority *prio, struct error *err)
{
	static const char *const known[] = { "IOPRIO_CLASS_RT", "IOPRIO_CLASS_BE",
					     "IOPRIO_CLASS_IDLE", NULL };

	if (oci_is_empty(prio->io_class) || !oci_is_one_of(prio->io_class, known))
		return err_msg(err, -EINVAL, "invalid ioPriority.Class: %s",
			       oci_or_empty(prio->io_class));
	if (prio->priority < 0 || prio->priority > 7)
		return err_msg(err, -EINVAL, "invalid ioPriority.Priority: %" PRId32,
			       prio->priority);
	return 0;
}

static int check_affinity(const struct oci_cpu_affinity *affinity, struct error *err)
{
	const struct {
		const char *name;
		const char *list;
	} members[] = { { "initial", affinity->initial }, { "final", affinity->final } };
	cpu_set_t set;

	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		if (!oci_is_empty(members[i].list) && oci_cpus_parse(members[i].list, &set) < 0)
			return err_msg(err, -EINVAL,
				       "process.execCPUAffinity.%s: \"%s\" is not a list of CPUs",
				       members[i].name, members[i].list);
	}
	return 0;
}

/* All ones mean "leave it as it is" to the kernel: that would be root. */
static int check_user(const struct oci_user *user, struct error *err)
{
	if (user->uid > INT32_MAX || user->gid > INT32_MAX)
		return err_msg(err, -EINVAL,
			       "unable to setup user: uids and gids must be in range 0-%d",
			       INT32_MAX);
	for (size_t i = 0; i < user->additional_gids.len; i++) {
		int64_t gid = user->additional_gids.items[i];

		if (gid < 0 || gid > INT32_MAX)
			return err_msg(err, -EINVAL,
				       "process.user.additionalGids: %" PRId64 " is not a group id",
				       gid);
	}
	if (user->umask.set && user->umask.value > 0777)
		return err_msg(err, -EINVAL, "process.user.umask: %#" PRIo32 " is above 0777",
			       user->umask.value);
	return 0;
}

int oci_process_check(const struct oci_process *process, struct error *err)
{
	int ret;

	if (!process)
		return err_msg(err, -EINVAL, "process property must not be empty");
	if (oci_is_empty(process->cwd))
		return err_msg(err, -EINVAL, "Cwd property must not be empty");
	if (process->cwd[0] != '/')
		return err_msg(err, -EINVAL, "Cwd must be an absolute path");
	if (process->args.len == 0)
		return err_msg(err, -EINVAL, "args must not be empty");
	if (process->oom_score_adj.set &&
	    (process->oom_score_adj.value < -1000 || process->oom_score_adj.value > 1000))
		return err_msg(err, -EINVAL,
			       "process.oomScoreAdj: %" PRId32 " is not between -1000 and 1000",
			       process->oom_score_adj.value);
	ret = check_user(&process->user, err);
	if (ret == 0)
		ret = check_rlimits(&process->rlimits, err);
	if (ret == 0 && process->scheduler)
		ret = check_scheduler(process->scheduler, err);
	if (ret == 0 && process->io_priority)
		ret = check_io_priority(process->io_priority, err);
	if (ret == 0 && process->exec_cpu_affinity)
		ret = check_affinity(process->exec_cpu_affinity, err);
	return ret;
}

/* --- what stands in one member --- */

static int check_version(const char *version, struct error *err)
{
	if (oci_is_empty(version))
		return err_msg(err, -EINVAL, "ociVersion must not be empty");
	if (strncmp(version, "1.", 2) != 0)
		return err_msg(err, -EINVAL,
			       "ociVersion '%s' is not supported (any 1.x is, written for %s)",
			       version, OCI_VERSION);
	return 0;
}

static int check_root(const struct oci_root *root, struct error *err)
{
	if (!root)
		return err_msg(err, -EINVAL, "root must be specified");
	if (oci_is_empty(root->path))
		return err_msg(err, -EINVAL, "invalid rootfs: root.path must not be empty");
	return 0;
}

static int check_mapped_mount(const struct oci_spec *spec, const struct oci_mount *m,
			      struct error *err)
{
	const char *users = oci_spec_namespace(spec, "user");

	if (!oci_mount_is_bind(m))
		return err_msg(err, -EINVAL,
			       "invalid mount %s: id-mapped mounts are only supported for "
			       "bind-mounts",
			       m->destination);
	if ((m->uid_mappings.len == 0) != (m->gid_mappings.len == 0))
		return err_msg(err, -EINVAL,
			       "invalid mount %s: uidMappings and gidMappings must be "
			       "given together",
			       m->destination);
	/* what a path leads to says no mappings to us */
	if (m->uid_mappings.len == 0 && (!users || *users))
		return err_msg(err, -EINVAL,
			       "invalid mount %s: idmap needs uidMappings and gidMappings, of the "
			       "mount or of a new user namespace",
			       m->destination);
	return 0;
}

static int check_mounts(const struct oci_spec *spec, struct error *err)
{
	const struct oci_mount *m = spec->mounts.items;

	for (size_t i = 0; i < spec->mounts.len; i++) {
		int ret = 0;

		if (oci_is_empty(m[i].destination))
			return err_msg(err, -EINVAL, "mounts[%zu]: destination must not be empty",
				       i);
		if (oci_mount_is_mapped(&m[i]))
			ret = check_mapped_mount(spec, &m[i], err);
		if (ret < 0)
			return ret;
	}
	return 0;
}

static int check_hook_list(const char *name, const struct json_objs *hooks, struct error *err)
{
	const struct oci_hook *h = hooks->items;

	for (size_t i = 0; i < hooks->len; i++) {
		if (oci_is_empty(h[i].path) || h[i].path[0] != '/')
			return err_msg(err, -EINVAL,
				       "hooks.%s[%zu]: path '%s' is not an absolute path", name, i,
				       oci_or_empty(h[i].path));
		if (h[i].timeout_s.set && h[i].timeout_s.value <= 0)
			return err_msg(err, -EINVAL,
				       "hooks.%s[%zu]: timeout must be greater than zero", name, i);
	}
	return 0;
}

static int check_hooks(const struct oci_hooks *hooks, struct error *err)
{
	const struct {
		const char *name;
		const struct json_objs *list;
	} lists[] = {
		{ "prestart", &hooks->prestart },
		{ "createRuntime", &hooks->create_runtime },
		{ "createContainer", &hooks->create_container },
		{ "startContainer", &hooks->start_container },
		{ "poststart", &hooks->poststart },
		{ "poststop", &hooks->poststop },
	};

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		int ret = check_hook_list(lists[i].name, lists[i].list, err);

		if (ret < 0)
			return ret;
	}
	return 0;
}

/* --- what one member demands of another --- */

static bool lacks(const struct oci_spec *spec, const char *type)
{
	return !oci_spec_namespace(spec, type);
}

static bool has_hostname_only(const struct oci_spec *spec)
{
	return !oci_is_empty(spec->hostname) && lacks(spec, "uts");
}

static bool has_domainname_only(const struct oci_spec *spec)
{
	return !oci_is_empty(spec->domainname) && lacks(spec, "uts");
}

static bool has_paths_only(const struct oci_spec *spec)
{
	const struct oci_linux *l = spec->linux_;

	return l && (l->masked_paths.len || l->readonly_paths.len) && lacks(spec, "mount");
}

static bool has_mappings_only(const struct oci_spec *spec)
{
	const struct oci_linux *l = spec->linux_;

	return l && (l->uid_mappings.len || l->gid_mappings.len) && lacks(spec, "user");
}

static bool has_user_namespace_only(const struct oci_spec *spec)
{
	const char *path = oci_spec_namespace(spec, "user");

	return path && !*path &&
	       (!spec->linux_->uid_mappings.len || !spec->linux_->gid_mappings.len);
}

static bool has_offsets_only(const struct oci_spec *spec)
{
	return spec->linux_ && spec->linux_->time_offsets.len && lacks(spec, "time");
}

static const struct rule rules[] = {
	{ has_hostname_only, "unable to set hostname without a private UTS namespace" },
	{ has_domainname_only, "unable to set domainname without a private UTS namespace" },
	{ has_paths_only, "unable to restrict sys entries without a private MNT namespace" },
	{ has_mappings_only, "User namespace mappings specified, but USER namespace isn't enabled "
			     "in the config" },
	{ has_user_namespace_only, "user namespaces enabled, but no uid and gid mappings found" },
	{ has_offsets_only, "time namespace offsets specified, but time namespace isn't enabled in "
			    "the config" },
};

int oci_spec_check(const struct oci_spec *spec, struct error *err)
{
	int ret = check_version(spec->oci_version, err);

	if (ret == 0)
		ret = oci_process_check(spec->process, err);
	if (ret == 0)
		ret = check_root(spec->root, err);
	if (ret == 0)
		ret = check_mounts(spec, err);
	if (ret == 0 && spec->hooks)
		ret = check_hooks(spec->hooks, err);
	if (ret == 0 && spec->linux_)
		ret = oci_linux_check(spec->linux_, err);
	if (ret < 0)
		return ret;
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		if (rules[i].broken(spec))
			return err_msg(err, -EINVAL, "%s", rules[i].text);
	}
	return 0;
}
