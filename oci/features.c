#include "oci/features.h"

#include <errno.h>
#include "oci/names.h"
#include "oci/spec.h"

/*
 * Each list is ended by NULL. They say what the guest's agent does with these words:
 * tests/unit/test_features.c asks the agent's own code about every one of them.
 */

static const char *const hooks[] = {
	"prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop",
	NULL,
};

static const char *const mount_options[] = {
	"async",	 "atime",	 "bind",
	"defaults",	 "dev",		 "diratime",
	"dirsync",	 "exec",	 "idmap",
	"iversion",	 "lazytime",	 "loud",
	"mand",		 "noatime",	 "nodev",
	"nodiratime",	 "noexec",	 "noiversion",
	"nolazytime",	 "nomand",	 "norelatime",
	"nostrictatime", "nosuid",	 "nosymfollow",
	"private",	 "ratime",	 "rbind",
	"rdev",		 "rdiratime",	 "relatime",
	"remount",	 "rexec",	 "ridmap",
	"rnoatime",	 "rnodev",	 "rnodiratime",
	"rnoexec",	 "rnorelatime",	 "rnostrictatime",
	"rnosuid",	 "rnosymfollow", "ro",
	"rprivate",	 "rrelatime",	 "rro",
	"rrw",		 "rshared",	 "rslave",
	"rstrictatime",	 "rsuid",	 "rsymfollow",
	"runbindable",	 "rw",		 "shared",
	"silent",	 "slave",	 "strictatime",
	"suid",		 "symfollow",	 "sync",
	"tmpcopyup",	 "unbindable",	 NULL,
};

static const char *const namespaces[] = {
	"cgroup", "ipc", "mount", "network", "pid", "time", "user", "uts", NULL,
};

/* Guests are x86-64. */
static const char *const archs[] = {
	"SCMP_ARCH_X32",
	"SCMP_ARCH_X86",
	"SCMP_ARCH_X86_64",
	NULL,
};

static const char *const seccomp_flags[] = {
	"SECCOMP_FILTER_FLAG_LOG",
	"SECCOMP_FILTER_FLAG_SPEC_ALLOW",
	"SECCOMP_FILTER_FLAG_TSYNC",
	"SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV",
	NULL,
};

/* A full stop at the end: all that begin so. They change the configuration, where it lets them. */
static const char *const unsafe_annotations[] = {
	"io.katacontainers.config.",
	NULL,
};

static const struct json_row enabled_rows[] = {
	{ .name = "enabled",
	  .kind = JSON_BOOL,
	  .offset = offsetof(struct oci_feature_enabled, enabled) },
};
static const struct json_type enabled_type = JSON_TYPE(oci_feature_enabled, enabled_rows);

static const struct json_row cgroup_rows[] = {
	{ .name = "v1", .kind = JSON_BOOL, .offset = offsetof(struct oci_features_cgroup, v1) },
	{ .name = "v2", .kind = JSON_BOOL, .offset = offsetof(struct oci_features_cgroup, v2) },
	{ .name = "systemd",
	  .kind = JSON_BOOL,
	  .offset = offsetof(struct oci_features_cgroup, systemd) },
	{ .name = "systemdUser",
	  .kind = JSON_BOOL,
	  .offset = offsetof(struct oci_features_cgroup, systemd_user) },
	{ .name = "rdma", .kind = JSON_BOOL, .offset = offsetof(struct oci_features_cgroup, rdma) },
};
static const struct json_type cgroup_type = JSON_TYPE(oci_features_cgroup, cgroup_rows);

static const struct json_row seccomp_rows[] = {
	{ .name = "enabled",
	  .kind = JSON_BOOL,
	  .offset = offsetof(struct oci_features_seccomp, enabled) },
	{ .name = "actions",
	  .kind = JSON_STRS,
	  .offset = offsetof(struct oci_features_seccomp, actions) },
	{ .name = "operators",
	  .kind = JSON_STRS,
	  .offset = offsetof(struct oci_features_seccomp, operators) },
	{ .name = "archs",
	  .kind = JSON_STRS,
	  .offset = offsetof(struct oci_features_seccomp, archs) },
	{ .name = "knownFlags",
	  .kind = JSON_STRS,
	  .offset = offsetof(struct oci_features_seccomp, known_flags) },
	{ .name = "supportedFlags",
	  .kind = JSON_STRS,
	  .offset = offsetof(struct oci_features_seccomp, supported_flags) },
};
static const struct json_type seccomp_type = JSON_TYPE(oci_features_seccomp, seccomp_rows);

static const struct json_row extensions_rows[] = {
	{ .name = "idmap",
	  .kind = JSON_OBJ,
	  .offset = offsetof(struct oci_features_mount_extensions, idmap),
	  .type = &enabled_type },
};
static const struct json_type extensions_type =
	JSON_TYPE(oci_features_mount_extensions, extensions_rows);

static const struct json_row linux_features_rows[] = {
	{ .name = "namespaces",
	  .kind = JSON_STRS,
	  .offset = offsetof(struct oci_features_linux, namespaces) },
	{ .name = "capabilities",
	  .kind = JSON_STRS,
	  .offset = offsetof(struct oci_features_linux, capabilities) },
	{ .name = "cgroup",
	  .kind = JSON_OBJ,
	  .offset = offsetof(struct oci_features_linux, cgroup),
	  .type = &cgroup_type },
	{ .name = "seccomp",
	  .kind = JSON_OBJ,
	  .offset = offsetof(struct oci_features_linux, seccomp),
	  .type = &seccomp_type },
	{ .name = "apparmor",
	  .kind = JSON_OBJ,
	  .offset = offsetof(struct oci_features_linux, apparmor),
	  .type = &enabled_type },
	{ .name = "selinux",
	  .kind = JSON_OBJ,
	  .offset = offsetof(struct oci_features_linux, selinux),
	  .type = &enabled_type },
	{ .name = "intelRdt",
	  .kind = JSON_OBJ,
	  .offset = offsetof(struct oci_features_linux, intel_rdt),
	  .type = &enabled_type },
	{ .name = "mountExtensions",
	  .kind = JSON_OBJ,
	  .offset = offsetof(struct oci_features_linux, mount_extensions),
	  .type = &extensions_type },
	{ .name = "netDevices",
	  .kind = JSON_OBJ,
	  .offset = offsetof(struct oci_features_linux, net_devices),
	  .type = &enabled_type },
};
static const struct json_type linux_features_type =
	JSON_TYPE(oci_features_linux, linux_features_rows);

static const struct json_row oci_features_rows[] = {
	{ .name = "ociVersionMin",
	  .kind = JSON_STR,
	  .offset = offsetof(struct oci_features, version_min) },
	{ .name = "ociVersionMax",
	  .kind = JSON_STR,
	  .offset = offsetof(struct oci_features, version_max) },
	{ .name = "hooks", .kind = JSON_STRS, .offset = offsetof(struct oci_features, hooks) },
	{ .name = "mountOptions",
	  .kind = JSON_STRS,
	  .offset = offsetof(struct oci_features, mount_options) },
	{ .name = "linux",
	  .kind = JSON_OBJ,
	  .offset = offsetof(struct oci_features, linux_),
	  .type = &linux_features_type },
	{ .name = "annotations",
	  .kind = JSON_MAP,
	  .offset = offsetof(struct oci_features, annotations) },
	{ .name = "potentiallyUnsafeConfigAnnotations",
	  .kind = JSON_STRS,
	  .offset = offsetof(struct oci_features, unsafe_annotations) },
};
const struct json_type oci_features_type = JSON_TYPE(oci_features, oci_features_rows);

/* json_strs has no const for its items; nothing writes to them. */
static struct json_strs strings(const char *const *list)
{
	struct json_strs strs = { .items = (const char **)list };

	while (list[strs.len])
		strs.len++;
	return strs;
}

static int list_capabilities(struct arena *arena, struct json_strs *out)
{
	size_t n = 0;

	while (oci_capability_name((int)n))
		n++;
	out->items = arena_calloc(arena, n, sizeof(*out->items));
	if (!out->items)
		return -ENOMEM;
	for (; out->len < n; out->len++)
		out->items[out->len] = oci_capability_name((int)out->len);
	return 0;
}

int oci_features_get(struct arena *arena, struct oci_features *features)
{
	*features = (struct oci_features){
		.version_min = "1.0.0",
		.version_max = OCI_VERSION,
		.hooks = strings(hooks),
		.mount_options = strings(mount_options),
		.linux_ = {
			.namespaces = strings(namespaces),
			/* The host's; limits hold in the guest's, which is of version 2. */
			.cgroup = { .v1 = true, .v2 = true, .systemd = true },
			/* The host maps what it shares. */
			.mount_extensions = { .idmap = { .enabled = true } },
			.seccomp = {
				.enabled = true,
				.actions = strings(oci_seccomp_actions),
				.operators = strings(oci_seccomp_operators),
				.archs = strings(archs),
				.known_flags = strings(seccomp_flags),
				.supported_flags = strings(seccomp_flags),
			},
		},
		.unsafe_annotations = strings(unsafe_annotations),
	};
	return list_capabilities(arena, &features->linux_.capabilities);
}
