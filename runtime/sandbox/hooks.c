#include "runtime/sandbox/hooks.h"

#include "base/log.h"
#include "oci/hooks.h"

static int run_nth(const char *kind, const struct json_objs *hooks, size_t i,
		   const struct oci_state *state, struct error *err)
{
	const struct spawn how = { .setsid = true, .cwd = state->bundle };

	return oci_hook_run(kind, i, &((const struct oci_hook *)hooks->items)[i], state, NULL, &how,
			    err);
}

int hooks_run(const char *kind, const struct json_objs *hooks, const struct oci_state *state,
	      struct error *err)
{
	for (size_t i = 0; i < hooks->len; i++) {
		int ret = run_nth(kind, hooks, i, state, err);

		if (ret < 0)
			return ret;
	}
	return 0;
}

void hooks_run_all(const char *kind, const struct json_objs *hooks, const struct oci_state *state)
{
	struct error err = { 0 };

	for (size_t i = 0; i < hooks->len; i++)
		if (run_nth(kind, hooks, i, state, &err) < 0)
			log_warning("%s", err.text);
}

void hooks_run_poststop(const struct oci_hooks *hooks, const struct oci_state *state)
{
	struct oci_state stopped = *state;

	if (!hooks)
		return;
	stopped.status = OCI_STATUS_STOPPED;
	stopped.pid = 0;
	hooks_run_all("poststop", &hooks->poststop, &stopped);
}
