#include "agent/guest/ns.h"

#include <errno.h>
#include <sched.h>
#include <string.h>

#include "oci/names.h"

static int join(struct ns_plan *plan, int flag, const char *path, struct error *err)
{
	plan->join_flags |= flag;
	if (*path == '/')
		return 0;
	if (flag == CLONE_NEWPID) {
		plan->pid_id = path;
		return 0;
	}
	if (plan->join_id && strcmp(plan->join_id, path) != 0)
		return err_msg(
			err, -ENOTSUP,
			"namespaces of both container '%s' and container '%s' can't be joined",
			plan->join_id, path);
	plan->join_id = path;
	return 0;
}

int ns_make_plan(const struct oci_spec *spec, bool pod_exists, struct ns_plan *plan,
		 struct error *err)
{
	const struct oci_namespace *rows = spec->linux_ ? spec->linux_->namespaces.items : NULL;
	size_t n = spec->linux_ ? spec->linux_->namespaces.len : 0;

	*plan = (struct ns_plan){ .new_flags = CLONE_NEWNS };
	for (size_t i = 0; i < n; i++) {
		int flag = rows[i].type ? oci_namespace_flag(rows[i].type) : -EINVAL;

		if (flag <= 0)
			return err_msg(err, -EINVAL, "namespace type \"%s\" does not exist",
				       rows[i].type ? rows[i].type : "");
		if (flag == CLONE_NEWNET || flag == CLONE_NEWNS)
			continue;
		if (!pod_exists || !rows[i].path || !*rows[i].path)
			plan->new_flags |= flag;
		else if (join(plan, flag, rows[i].path, err) < 0)
			return err->code;
	}
	if ((plan->new_flags & CLONE_NEWUSER) &&
	    (!spec->linux_->uid_mappings.len || !spec->linux_->gid_mappings.len))
		return err_msg(err, -EINVAL,
			       "user namespaces enabled, but no uid and gid mappings found");
	return 0;
}
