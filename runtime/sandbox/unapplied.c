/* What of config.json has no effect: told as warnings, or an error where that is not accepted. */
#include "runtime/sandbox/create_internal.h"

#include <errno.h>
#include <string.h>
#include "base/log.h"
#include "oci/pod.h"

static bool is_strict(const struct create *create)
{
	return create->request->strict || create->config.runtime.strict;
}

int create_tell_unapplied(const struct create *create, const char *const *list, size_t n,
			  struct error *err)
{
	if (n == 0)
		return 0;
	if (!is_strict(create)) {
		for (size_t i = 0; i < n; i++)
			log_warning("%s", list[i]);
		return 0;
	}
	for (size_t i = 1; i < n; i++)
		log_error("%s", list[i]);
	err_msg(err, -EOPNOTSUPP, "%s", list[0]);
	return err_hint(err, "without --strict and strict = true in [runtime] this is a warning");
}

/* With a path, those of a pod are its machine's. Who has a machine alone has its namespaces alone.
 */
static void list_namespaces(const struct create *create, bool alone, struct strvec *out)
{
	const struct oci_linux *linux_ = create->spec.linux_;
	const struct oci_namespace *rows = linux_ ? linux_->namespaces.items : NULL;

	for (size_t i = 0; rows && i < linux_->namespaces.len; i++) {
		bool mounts = strcmp(rows[i].type, "mount") == 0;

		if (!rows[i].path || !*rows[i].path || strcmp(rows[i].type, "network") == 0)
			continue;
		if (alone || mounts)
			(void)strvec_addf(
				out,
				"linux.namespaces[%zu].path is not applied: %s namespaces of the "
				"host can't be joined from a virtual machine; the container gets "
				"a new one",
				i, rows[i].type);
	}
}

int create_tell_unapplied_inputs(const struct create *create, struct strvec *ignored,
				 struct error *err)
{
	struct oci_pod pod;
	int ret = oci_pod_read(&create->spec.annotations, &pod, err);

	if (ret < 0)
		return ret;
	list_namespaces(create, !create->sandbox_id && pod.role == OCI_POD_NONE, ignored);
	if (strvec_error(ignored) < 0)
		return err_set(err, -ENOMEM, "read config.json");
	return create_tell_unapplied(create, (const char *const *)ignored->items, ignored->len,
				     err);
}
