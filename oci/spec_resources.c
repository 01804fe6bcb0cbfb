#include "oci/spec_internal.h"

static const struct json_row device_cgroup_rows[] = {
	ALWAYS("allow", oci_device_cgroup, allow),  FIELD("type", oci_device_cgroup, type),
	FIELD("major", oci_device_cgroup, major),   FIELD("minor", oci_device_cgroup, minor),
	FIELD("access", oci_device_cgroup, access),
};

static const struct json_type device_cgroup_type = JSON_TYPE(oci_device_cgroup, device_cgroup_rows);

static const struct json_row memory_rows[] = {
	FIELD("limit", oci_memory, limit),
	FIELD("reservation", oci_memory, reservation),
	FIELD("swap", oci_memory, swap),
	FIELD("kernel", oci_memory, kernel),
	FIELD("kernelTCP", oci_memory, kernel_tcp),
	FIELD("swappiness", oci_memory, swappiness),
	FIELD("disableOOMKiller", oci_memory, disable_oom_killer),
	FIELD("useHierarchy", oci_memory, use_hierarchy),
	FIELD("checkBeforeUpdate", oci_memory, check_before_update),
};

static const struct json_type memory_type = JSON_TYPE(oci_memory, memory_rows);

static const struct json_row cpu_rows[] = {
	FIELD("shares", oci_cpu, shares),
	FIELD("quota", oci_cpu, quota_us),
	FIELD("burst", oci_cpu, burst_us),
	FIELD("period", oci_cpu, period_us),
	FIELD("realtimeRuntime", oci_cpu, realtime_runtime_us),
	FIELD("realtimePeriod", oci_cpu, realtime_period_us),
	FIELD("cpus", oci_cpu, cpus),
	FIELD("mems", oci_cpu, mems),
	FIELD("idle", oci_cpu, idle),
};

static const struct json_type cpu_type = JSON_TYPE(oci_cpu, cpu_rows);

static const struct json_row pids_rows[] = {
	FIELD("limit", oci_pids, limit),
};

static const struct json_type pids_type = JSON_TYPE(oci_pids, pids_rows);

static const struct json_row weight_device_rows[] = {
	ALWAYS("major", oci_weight_device, major),
	ALWAYS("minor", oci_weight_device, minor),
	FIELD("weight", oci_weight_device, weight),
	FIELD("leafWeight", oci_weight_device, leaf_weight),
};

static const struct json_type weight_device_type = JSON_TYPE(oci_weight_device, weight_device_rows);

static const struct json_row throttle_device_rows[] = {
	ALWAYS("major", oci_throttle_device, major),
	ALWAYS("minor", oci_throttle_device, minor),
	ALWAYS("rate", oci_throttle_device, rate),
};

static const struct json_type throttle_device_type =
	JSON_TYPE(oci_throttle_device, throttle_device_rows);

static const struct json_row block_io_rows[] = {
	FIELD("weight", oci_block_io, weight),
	FIELD("leafWeight", oci_block_io, leaf_weight),
	OBJECT("weightDevice", oci_block_io, weight_device, weight_device_type),
	OBJECT("throttleReadBpsDevice", oci_block_io, throttle_read_bps, throttle_device_type),
	OBJECT("throttleWriteBpsDevice", oci_block_io, throttle_write_bps, throttle_device_type),
	OBJECT("throttleReadIOPSDevice", oci_block_io, throttle_read_iops, throttle_device_type),
	OBJECT("throttleWriteIOPSDevice", oci_block_io, throttle_write_iops, throttle_device_type),
};

static const struct json_type block_io_type = JSON_TYPE(oci_block_io, block_io_rows);

static const struct json_row hugepage_limit_rows[] = {
	ALWAYS("pageSize", oci_hugepage_limit, page_size),
	ALWAYS("limit", oci_hugepage_limit, limit),
};

static const struct json_type hugepage_limit_type =
	JSON_TYPE(oci_hugepage_limit, hugepage_limit_rows);

static const struct json_row network_priority_rows[] = {
	ALWAYS("name", oci_network_priority, name),
	ALWAYS("priority", oci_network_priority, priority),
};

static const struct json_type network_priority_type =
	JSON_TYPE(oci_network_priority, network_priority_rows);

static const struct json_row network_rows[] = {
	FIELD("classID", oci_network, class_id),
	OBJECT("priorities", oci_network, priorities, network_priority_type),
};

static const struct json_type network_type = JSON_TYPE(oci_network, network_rows);

static const struct json_row rdma_rows[] = {
	FIELD("hcaHandles", oci_rdma, hca_handles),
	FIELD("hcaObjects", oci_rdma, hca_objects),
};

static const struct json_type rdma_type = JSON_TYPE(oci_rdma, rdma_rows);

static const struct json_row resources_rows[] = {
	FIELD("unified", oci_linux_resources, unified),
	OBJECT("devices", oci_linux_resources, devices, device_cgroup_type),
	OBJECT("pids", oci_linux_resources, pids, pids_type),
	OBJECT("blockIO", oci_linux_resources, block_io, block_io_type),
	OBJECT("cpu", oci_linux_resources, cpu, cpu_type),
	OBJECT("memory", oci_linux_resources, memory, memory_type),
	OBJECT("network", oci_linux_resources, network, network_type),
	OBJECT("hugepageLimits", oci_linux_resources, hugepage_limits, hugepage_limit_type),
	OBJECT("rdma", oci_linux_resources, rdma, rdma_type),
};

const struct json_type oci_linux_resources_type = JSON_TYPE(oci_linux_resources, resources_rows);
