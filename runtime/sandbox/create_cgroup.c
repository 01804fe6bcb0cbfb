/* The steps of a create that see to the cgroups of the host. */
#include "runtime/sandbox/create_internal.h"

#include <errno.h>
#include "base/log.h"
#include "runtime/sandbox/attach.h"

static int make(struct create *create, const char *path, struct error *err)
{
	struct record_state *state = &create->rec.state;
	/* Containers of the same id may live under other roots. */
	const char *name = arena_printf(&create->arena, "%s.%.8s", state->id, state->uuid);
	int ret = name ? cgroup_plan(path, create->request->cgroup_manager, name,
				     &create->rec.arena, &state->cgroups, err)
		       : err_set(err, -ENOMEM, "name the container's cgroup");

	if (ret == 0)
		ret = record_save(&create->rec, err);
	if (ret == 0)
		ret = cgroup_make(&state->cgroups, err);
	/* Somebody else's are not ours to undo. */
	if (ret == -EBUSY)
		state->cgroups = (struct json_strs){ 0 };
	return ret;
}

int step_cgroup(struct create *create, struct error *err)
{
	const struct oci_linux *linux_ = create->spec.linux_;
	const char *path = linux_ ? linux_->cgroups_path : NULL;
	struct error why = { 0 };
	int ret = make(create, path, &why);

	if (ret == 0)
		return 0;
	if (path && *path) {
		if (err)
			*err = why;
		return ret;
	}
	/* Nobody has asked for one. */
	log_debug("%s; going on without a cgroup of its own", why.text);
	undo_cgroup(&create->rec);
	create->rec.state.cgroups = (struct json_strs){ 0 };
	return record_save(&create->rec, err);
}

/* When the machine has got its size. */
int step_limits(struct create *create, struct error *err)
{
	const struct oci_linux *linux_ = create->spec.linux_;
	const struct record_state *state = &create->rec.state;

	return cgroup_limit(&state->cgroups, linux_ ? linux_->resources : NULL, state->memory_mib,
			    err);
}

void undo_cgroup(struct record *rec)
{
	struct error err = { 0 };

	/* A shim of this container may have started the sandbox's proxy, which stays. */
	if (record_is_member(&rec->state) && rec->sandbox_fd >= 0)
		attach_settle_proxy(rec);
	if (cgroup_remove(&rec->state.cgroups, &err) < 0)
		log_warning("%s", err.text);
}
