#include "oci/spec_internal.h"

static const struct json_row id_mapping_rows[] = {
	ALWAYS("containerID", oci_id_mapping, container_id),
	ALWAYS("hostID", oci_id_mapping, host_id),
	ALWAYS("size", oci_id_mapping, size),
};

const struct json_type oci_id_mapping_type = JSON_TYPE(oci_id_mapping, id_mapping_rows);

static const struct json_row namespace_rows[] = {
	ALWAYS("type", oci_namespace, type),
	FIELD("path", oci_namespace, path),
};

static const struct json_type namespace_type = JSON_TYPE(oci_namespace, namespace_rows);

static const struct json_row device_rows[] = {
	ALWAYS("path", oci_device, path),
	ALWAYS("type", oci_device, type),
	ALWAYS("major", oci_device, major),
	ALWAYS("minor", oci_device, minor),
	FIELD("fileMode", oci_device, file_mode),
	FIELD("uid", oci_device, uid),
	FIELD("gid", oci_device, gid),
};

static const struct json_type device_type = JSON_TYPE(oci_device, device_rows);

static const struct json_row net_device_rows[] = {
	FIELD("name", oci_net_device, name),
};

static const struct json_type net_device_type = JSON_TYPE(oci_net_device, net_device_rows);

static const struct json_row seccomp_arg_rows[] = {
	ALWAYS("index", oci_seccomp_arg, index),
	ALWAYS("value", oci_seccomp_arg, value),
	FIELD("valueTwo", oci_seccomp_arg, value_two),
	ALWAYS("op", oci_seccomp_arg, op),
};

static const struct json_type seccomp_arg_type = JSON_TYPE(oci_seccomp_arg, seccomp_arg_rows);

static const struct json_row syscall_rows[] = {
	ALWAYS("names", oci_syscall, names),
	ALWAYS("action", oci_syscall, action),
	FIELD("errnoRet", oci_syscall, errno_ret),
	OBJECT("args", oci_syscall, args, seccomp_arg_type),
};

static const struct json_type syscall_type = JSON_TYPE(oci_syscall, syscall_rows);

static const struct json_row seccomp_rows[] = {
	ALWAYS("defaultAction", oci_seccomp, default_action),
	FIELD("defaultErrnoRet", oci_seccomp, default_errno_ret),
	FIELD("architectures", oci_seccomp, architectures),
	FIELD("flags", oci_seccomp, flags),
	FIELD("listenerPath", oci_seccomp, listener_path),
	FIELD("listenerMetadata", oci_seccomp, listener_metadata),
	OBJECT("syscalls", oci_seccomp, syscalls, syscall_type),
};

const struct json_type oci_seccomp_type = JSON_TYPE(oci_seccomp, seccomp_rows);

static const struct json_row intel_rdt_rows[] = {
	FIELD("closID", oci_intel_rdt, clos_id),
	FIELD("l3CacheSchema", oci_intel_rdt, l3_cache_schema),
	FIELD("memBwSchema", oci_intel_rdt, mem_bw_schema),
	FIELD("enableCMT", oci_intel_rdt, enable_cmt),
	FIELD("enableMBM", oci_intel_rdt, enable_mbm),
};

static const struct json_type intel_rdt_type = JSON_TYPE(oci_intel_rdt, intel_rdt_rows);

static const struct json_row personality_rows[] = {
	ALWAYS("domain", oci_personality, domain),
	FIELD("flags", oci_personality, flags),
};

static const struct json_type personality_type = JSON_TYPE(oci_personality, personality_rows);

static const struct json_row time_offset_rows[] = {
	FIELD("secs", oci_time_offset, secs),
	FIELD("nanosecs", oci_time_offset, nanosecs),
};

static const struct json_type time_offset_type = JSON_TYPE(oci_time_offset, time_offset_rows);

static const struct json_row linux_rows[] = {
	OBJECT("uidMappings", oci_linux, uid_mappings, oci_id_mapping_type),
	OBJECT("gidMappings", oci_linux, gid_mappings, oci_id_mapping_type),
	FIELD("sysctl", oci_linux, sysctl),
	OBJECT("resources", oci_linux, resources, oci_linux_resources_type),
	FIELD("cgroupsPath", oci_linux, cgroups_path),
	OBJECT("namespaces", oci_linux, namespaces, namespace_type),
	OBJECT("devices", oci_linux, devices, device_type),
	OBJECT("netDevices", oci_linux, net_devices, net_device_type),
	OBJECT("seccomp", oci_linux, seccomp, oci_seccomp_type),
	FIELD("rootfsPropagation", oci_linux, rootfs_propagation),
	FIELD("maskedPaths", oci_linux, masked_paths),
	FIELD("readonlyPaths", oci_linux, readonly_paths),
	FIELD("mountLabel", oci_linux, mount_label),
	OBJECT("intelRdt", oci_linux, intel_rdt, intel_rdt_type),
	OBJECT("personality", oci_linux, personality, personality_type),
	OBJECT("timeOffsets", oci_linux, time_offsets, time_offset_type),
};

const struct json_type oci_linux_type = JSON_TYPE(oci_linux, linux_rows);
