#include "agent/guest/ns.h"

#include <errno.h>
#include <sched.h>

#include "oci/names.h"

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
		if (pod_exists && rows[i].path && *rows[i].path)
			plan->join_flags |= flag;
		else
			plan->new_flags |= flag;
	}
	if ((plan->new_flags & CLONE_NEWUSER) &&
	    (!spec->linux_->uid_mappings.len || !spec->linux_->gid_mappings.len))
		return err_msg(err, -EINVAL,
			       "user namespaces enabled, but no uid and gid mappings found");
	return 0;
}
