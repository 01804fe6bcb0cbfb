/* What `features` prints: the parts of the runtime specification that are honoured, no more. */
#ifndef OCI_FEATURES_H
#define OCI_FEATURES_H

#include "base/json.h"

struct oci_feature_enabled {
	bool enabled;
};

struct oci_features_cgroup {
	bool v1, v2, systemd, systemd_user, rdma;
};

struct oci_features_seccomp {
	bool enabled;
	struct json_strs actions, operators, archs, known_flags, supported_flags;
};

struct oci_features_mount_extensions {
	struct oci_feature_enabled idmap;
};

struct oci_features_linux {
	struct json_strs namespaces, capabilities;
	struct oci_features_cgroup cgroup;
	struct oci_features_seccomp seccomp;
	struct oci_feature_enabled apparmor, selinux, intel_rdt;
	struct oci_features_mount_extensions mount_extensions;
	struct oci_feature_enabled net_devices;
};

struct oci_features {
	const char *version_min, *version_max; /* of the specification */
	struct json_strs hooks, mount_options;
	struct oci_features_linux linux_; /* `linux` is a macro of the compiler */
	struct json_map annotations;
	struct json_strs unsafe_annotations;
};

extern const struct json_type oci_features_type;

/* Fills *features with what this runtime honours. Texts are constants; lists live in arena.
 * -ENOMEM. */
int oci_features_get(struct arena *arena, struct oci_features *features) must_check;

#endif
