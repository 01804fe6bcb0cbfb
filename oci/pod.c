#include "oci/pod.h"

#include <errno.h>
#include <string.h>

static const struct dialect {
	const char *role;
	const char *sandbox_word; /* the role that is not "container" */
	const char *sandbox;
	const char *name; /* of the pod, on its sandbox */
} dialects[] = {
	{ "io.kubernetes.cri.container-type", "sandbox", "io.kubernetes.cri.sandbox-id",
	  "io.kubernetes.cri.sandbox-name" },
	{ "io.kubernetes.cri-o.ContainerType", "sandbox", "io.kubernetes.cri-o.SandboxID",
	  "io.kubernetes.cri-o.Name" },
	{ "io.kubernetes.docker.type", "podsandbox", "io.kubernetes.sandbox.id",
	  "io.kubernetes.pod.name" },
};
enum { N_DIALECTS = sizeof(dialects) / sizeof(dialects[0]) };

static const char *find(const struct json_map *annotations, const char *key)
{
	for (size_t i = 0; i < annotations->len; i++)
		if (!strcmp(annotations->items[i].key, key))
			return annotations->items[i].value;
	return NULL;
}

static int read_role(const struct dialect *dialect, const struct json_map *annotations,
		     const char *role, struct oci_pod *pod, struct error *err)
{
	if (!strcmp(role, dialect->sandbox_word)) {
		pod->role = OCI_POD_SANDBOX;
		return 0;
	}
	if (strcmp(role, "container") != 0)
		return err_msg(err, -EINVAL, "annotation %s: '%s' is neither %s nor container",
			       dialect->role, role, dialect->sandbox_word);
	pod->role = OCI_POD_CONTAINER;
	pod->sandbox = find(annotations, dialect->sandbox);
	pod->sandbox_key = dialect->sandbox;
	if (!pod->sandbox || !*pod->sandbox)
		return err_msg(err, -EINVAL,
			       "annotation %s is missing: the container does not say which "
			       "sandbox it belongs to",
			       dialect->sandbox);
	return 0;
}

int oci_pod_read(const struct json_map *annotations, struct oci_pod *pod, struct error *err)
{
	*pod = (struct oci_pod){ .role = OCI_POD_NONE };
	for (size_t i = 0; i < N_DIALECTS; i++) {
		const char *role = find(annotations, dialects[i].role);

		if (role && *role)
			return read_role(&dialects[i], annotations, role, pod, err);
	}
	return 0;
}

bool oci_pod_is_named(const struct json_map *annotations, const char *name)
{
	for (size_t i = 0; i < N_DIALECTS; i++) {
		const char *own = find(annotations, dialects[i].name);

		if (own && !strcmp(own, name))
			return true;
	}
	return false;
}
