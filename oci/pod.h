/* What the annotations of a container say about the pod that it belongs to. */
#ifndef OCI_POD_H
#define OCI_POD_H

#include "base/json.h"

enum oci_pod_role {
	OCI_POD_NONE,	   /* nothing is said */
	OCI_POD_SANDBOX,   /* it is the pod's first, and has its namespaces */
	OCI_POD_CONTAINER, /* it joins one that is there */
};

/* Text is that of the annotations. */
struct oci_pod {
	enum oci_pod_role role;
	const char *sandbox;	 /* of a container: id of its sandbox (podman: or its name) */
	const char *sandbox_key; /* the annotation that says so */
};

/*
 * Reads the annotations of containerd (io.kubernetes.cri.*), of CRI-O and podman
 * (io.kubernetes.cri-o.*) and of dockershim (io.kubernetes.docker.type); the first dialect that
 * says something counts. -EINVAL for a role that does not exist, or a container without a sandbox.
 */
int oci_pod_read(const struct json_map *annotations, struct oci_pod *pod, struct error *err)
	must_check;

/* Is `name` what the annotations of a sandbox call its pod? */
bool oci_pod_is_named(const struct json_map *annotations, const char *name);

#endif
