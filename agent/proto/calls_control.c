#include "agent/proto/calls_control.h"

#include "agent/proto/calls_rows.h"

static const struct json_row updatecontainer_rows[] = {
	ROW(call_updatecontainer, "container", JSON_STR, container, JSON_REQUIRED),
	OBJ(call_updatecontainer, "resources", JSON_OBJ, resources, JSON_REQUIRED,
	    oci_linux_resources_type),
};
const struct json_type call_updatecontainer_type =
	JSON_TYPE(call_updatecontainer, updatecontainer_rows);

static const struct json_row psi_line_rows[] = {
	ROW(call_psi_line, "avg10", JSON_DOUBLE, avg10, 0),
	ROW(call_psi_line, "avg60", JSON_DOUBLE, avg60, 0),
	ROW(call_psi_line, "avg300", JSON_DOUBLE, avg300, 0),
	ROW(call_psi_line, "totalUs", JSON_U64, total_us, 0),
};
static const struct json_type psi_line_type = JSON_TYPE(call_psi_line, psi_line_rows);

static const struct json_row psi_rows[] = {
	OBJ(call_psi, "some", JSON_OBJ, some, 0, psi_line_type),
	OBJ(call_psi, "full", JSON_OBJ, full, 0, psi_line_type),
};
static const struct json_type psi_type = JSON_TYPE(call_psi, psi_rows);

static const struct json_row stats_cpu_rows[] = {
	ROW(call_stats_cpu, "usageUs", JSON_U64, usage_us, JSON_OMIT_EMPTY),
	ROW(call_stats_cpu, "userUs", JSON_U64, user_us, JSON_OMIT_EMPTY),
	ROW(call_stats_cpu, "systemUs", JSON_U64, system_us, JSON_OMIT_EMPTY),
	ROW(call_stats_cpu, "periods", JSON_U64, periods, JSON_OMIT_EMPTY),
	ROW(call_stats_cpu, "throttledPeriods", JSON_U64, throttled_periods, JSON_OMIT_EMPTY),
	ROW(call_stats_cpu, "throttledUs", JSON_U64, throttled_us, JSON_OMIT_EMPTY),
	OBJ(call_stats_cpu, "psi", JSON_OBJ_PTR, psi, 0, psi_type),
};
static const struct json_type stats_cpu_type = JSON_TYPE(call_stats_cpu, stats_cpu_rows);

static const struct json_row stats_value_rows[] = {
	ROW(call_stats_value, "name", JSON_STR, name, JSON_REQUIRED),
	ROW(call_stats_value, "value", JSON_U64, value, 0),
};
static const struct json_type stats_value_type = JSON_TYPE(call_stats_value, stats_value_rows);

static const struct json_row stats_memory_rows[] = {
	ROW(call_stats_memory, "usage", JSON_U64, usage, JSON_OMIT_EMPTY),
	ROW(call_stats_memory, "limit", JSON_U64, limit, JSON_OMIT_EMPTY),
	ROW(call_stats_memory, "peak", JSON_U64, peak, JSON_OMIT_EMPTY),
	ROW(call_stats_memory, "swapUsage", JSON_U64, swap_usage, JSON_OMIT_EMPTY),
	ROW(call_stats_memory, "swapLimit", JSON_U64, swap_limit, JSON_OMIT_EMPTY),
	ROW(call_stats_memory, "maxHits", JSON_U64, max_hits, JSON_OMIT_EMPTY),
	ROW(call_stats_memory, "oom", JSON_U64, oom, JSON_OMIT_EMPTY),
	ROW(call_stats_memory, "oomKill", JSON_U64, oom_kill, JSON_OMIT_EMPTY),
	OBJ(call_stats_memory, "raw", JSON_OBJS, raw, JSON_OMIT_EMPTY, stats_value_type),
	OBJ(call_stats_memory, "psi", JSON_OBJ_PTR, psi, 0, psi_type),
};
static const struct json_type stats_memory_type = JSON_TYPE(call_stats_memory, stats_memory_rows);

static const struct json_row stats_io_rows[] = {
	ROW(call_stats_io, "major", JSON_U64, major, 0),
	ROW(call_stats_io, "minor", JSON_U64, minor, 0),
	ROW(call_stats_io, "readBytes", JSON_U64, read_bytes, JSON_OMIT_EMPTY),
	ROW(call_stats_io, "writeBytes", JSON_U64, write_bytes, JSON_OMIT_EMPTY),
	ROW(call_stats_io, "discardBytes", JSON_U64, discard_bytes, JSON_OMIT_EMPTY),
	ROW(call_stats_io, "reads", JSON_U64, reads, JSON_OMIT_EMPTY),
	ROW(call_stats_io, "writes", JSON_U64, writes, JSON_OMIT_EMPTY),
	ROW(call_stats_io, "discards", JSON_U64, discards, JSON_OMIT_EMPTY),
};
static const struct json_type stats_io_type = JSON_TYPE(call_stats_io, stats_io_rows);

static const struct json_row stats_hugetlb_rows[] = {
	ROW(call_stats_hugetlb, "size", JSON_STR, size, JSON_REQUIRED),
	ROW(call_stats_hugetlb, "usage", JSON_U64, usage, JSON_OMIT_EMPTY),
	ROW(call_stats_hugetlb, "peak", JSON_U64, peak, JSON_OMIT_EMPTY),
	ROW(call_stats_hugetlb, "maxHits", JSON_U64, max_hits, JSON_OMIT_EMPTY),
};
static const struct json_type stats_hugetlb_type =
	JSON_TYPE(call_stats_hugetlb, stats_hugetlb_rows);

static const struct json_row stats_interface_rows[] = {
	ROW(call_stats_interface, "name", JSON_STR, name, JSON_REQUIRED),
	ROW(call_stats_interface, "rxBytes", JSON_U64, rx_bytes, 0),
	ROW(call_stats_interface, "rxPackets", JSON_U64, rx_packets, 0),
	ROW(call_stats_interface, "rxErrors", JSON_U64, rx_errors, 0),
	ROW(call_stats_interface, "rxDropped", JSON_U64, rx_dropped, 0),
	ROW(call_stats_interface, "txBytes", JSON_U64, tx_bytes, 0),
	ROW(call_stats_interface, "txPackets", JSON_U64, tx_packets, 0),
	ROW(call_stats_interface, "txErrors", JSON_U64, tx_errors, 0),
	ROW(call_stats_interface, "txDropped", JSON_U64, tx_dropped, 0),
};
static const struct json_type stats_interface_type =
	JSON_TYPE(call_stats_interface, stats_interface_rows);

static const struct json_row stats_rows[] = {
	OBJ(call_stats, "cpu", JSON_OBJ, cpu, 0, stats_cpu_type),
	OBJ(call_stats, "memory", JSON_OBJ, memory, 0, stats_memory_type),
	ROW(call_stats, "pids", JSON_U64, pids, JSON_OMIT_EMPTY),
	ROW(call_stats, "pidsLimit", JSON_U64, pids_limit, JSON_OMIT_EMPTY),
	ROW(call_stats, "cpusetCpus", JSON_STR, cpuset_cpus, JSON_OMIT_EMPTY),
	ROW(call_stats, "cpusetMems", JSON_STR, cpuset_mems, JSON_OMIT_EMPTY),
	OBJ(call_stats, "io", JSON_OBJS, io, JSON_OMIT_EMPTY, stats_io_type),
	OBJ(call_stats, "ioPsi", JSON_OBJ_PTR, io_psi, 0, psi_type),
	OBJ(call_stats, "hugetlb", JSON_OBJS, hugetlb, JSON_OMIT_EMPTY, stats_hugetlb_type),
	OBJ(call_stats, "interfaces", JSON_OBJS, interfaces, JSON_OMIT_EMPTY, stats_interface_type),
};
const struct json_type call_stats_type = JSON_TYPE(call_stats, stats_rows);

static const struct json_row waitevents_rows[] = {
	ROW(call_waitevents, "container", JSON_STR, container, JSON_OMIT_EMPTY),
	ROW(call_waitevents, "after", JSON_U64, after, 0),
	ROW(call_waitevents, "timeoutMs", JSON_U32, timeout_ms, JSON_OMIT_EMPTY),
};
const struct json_type call_waitevents_type = JSON_TYPE(call_waitevents, waitevents_rows);

static const struct json_row event_rows[] = {
	ROW(call_event, "number", JSON_U64, number, JSON_REQUIRED),
	ROW(call_event, "type", JSON_STR, type, JSON_REQUIRED),
	ROW(call_event, "container", JSON_STR, container, JSON_REQUIRED),
	ROW(call_event, "process", JSON_STR, process, JSON_OMIT_EMPTY),
	ROW(call_event, "status", JSON_U32, status, JSON_OMIT_EMPTY),
	ROW(call_event, "sec", JSON_I64, sec, 0),
	ROW(call_event, "nsec", JSON_U32, nsec, 0),
};
static const struct json_type event_type = JSON_TYPE(call_event, event_rows);

static const struct json_row waitevents_reply_rows[] = {
	ROW(call_waitevents_reply, "last", JSON_U64, last, JSON_REQUIRED),
	OBJ(call_waitevents_reply, "events", JSON_OBJS, events, JSON_OMIT_EMPTY, event_type),
};
const struct json_type call_waitevents_reply_type =
	JSON_TYPE(call_waitevents_reply, waitevents_reply_rows);

static const struct json_row waitprocess_rows[] = {
	ROW(call_waitprocess, "container", JSON_STR, container, JSON_REQUIRED),
	ROW(call_waitprocess, "process", JSON_STR, process, JSON_OMIT_EMPTY),
	ROW(call_waitprocess, "timeoutMs", JSON_U32, timeout_ms, JSON_OMIT_EMPTY),
};
const struct json_type call_waitprocess_type = JSON_TYPE(call_waitprocess, waitprocess_rows);

static const struct json_row waitprocess_reply_rows[] = {
	ROW(call_waitprocess_reply, "exited", JSON_BOOL, exited, JSON_REQUIRED),
	ROW(call_waitprocess_reply, "status", JSON_U32, status, 0),
};
const struct json_type call_waitprocess_reply_type =
	JSON_TYPE(call_waitprocess_reply, waitprocess_reply_rows);

static const struct json_row copyfile_rows[] = {
	ROW(call_copyfile, "container", JSON_STR, container, JSON_OMIT_EMPTY),
	ROW(call_copyfile, "path", JSON_STR, path, JSON_REQUIRED),
	ROW(call_copyfile, "data", JSON_STR, data, 0),
	ROW(call_copyfile, "offset", JSON_U64, offset, 0),
	ROW(call_copyfile, "size", JSON_U64, size, 0),
	ROW(call_copyfile, "mode", JSON_U32, mode, JSON_OMIT_EMPTY),
	ROW(call_copyfile, "uid", JSON_U32, uid, JSON_OMIT_EMPTY),
	ROW(call_copyfile, "gid", JSON_U32, gid, JSON_OMIT_EMPTY),
};
const struct json_type call_copyfile_type = JSON_TYPE(call_copyfile, copyfile_rows);

static const struct json_row file_rows[] = {
	ROW(call_file, "container", JSON_STR, container, JSON_OMIT_EMPTY),
	ROW(call_file, "file", JSON_STR, file, JSON_REQUIRED),
	ROW(call_file, "offset", JSON_U64, offset, JSON_OMIT_EMPTY),
	ROW(call_file, "length", JSON_U64, length, JSON_OMIT_EMPTY),
};
const struct json_type call_file_type = JSON_TYPE(call_file, file_rows);

static const struct json_row rename_rows[] = {
	ROW(call_rename, "container", JSON_STR, container, JSON_REQUIRED),
	ROW(call_rename, "name", JSON_STR, name, JSON_REQUIRED),
};
const struct json_type call_rename_type = JSON_TYPE(call_rename, rename_rows);
