#include "agent/proto/calls.h"

#include <string.h>

#include "agent/proto/calls_rows.h"

static const struct call_info calls[] = {
#define X(symbol, code_, name, token) \
	{ .code = (code_), .hyper_name = (name), .takes_token = (token) != 0 },
	CALLS_LIST(X)
#undef X
};

/* Later spellings of the same calls. */
static const struct {
	const char *name;
	uint32_t code;
} aliases[] = {
	{ "startsandbox", CALL_STARTPOD },
	{ "destroysandbox", CALL_DESTROYPOD },
};

enum {
	N_CALLS = sizeof(calls) / sizeof(calls[0]),
	N_ALIASES = sizeof(aliases) / sizeof(aliases[0])
};

const struct call_info *calls_find_code(uint32_t code)
{
	for (size_t i = 0; i < N_CALLS; i++)
		if (calls[i].code == code)
			return &calls[i];
	return NULL;
}

const struct call_info *calls_find_name(const char *hyper_name)
{
	if (!hyper_name)
		return NULL;
	for (size_t i = 0; i < N_CALLS; i++)
		if (strcmp(calls[i].hyper_name, hyper_name) == 0)
			return &calls[i];
	for (size_t i = 0; i < N_ALIASES; i++)
		if (strcmp(aliases[i].name, hyper_name) == 0)
			return calls_find_code(aliases[i].code);
	return NULL;
}

static const struct json_row hello_rows[] = {
	ROW(call_hello, "version", JSON_U32, version, JSON_REQUIRED),
	ROW(call_hello, "key", JSON_STR, key, JSON_OMIT_EMPTY),
	ROW(call_hello, "window", JSON_U32, window, JSON_OMIT_EMPTY),
};
const struct json_type call_hello_type = JSON_TYPE(call_hello, hello_rows);

static const struct json_row hello_reply_rows[] = {
	ROW(call_hello_reply, "version", JSON_U32, version, JSON_REQUIRED),
	ROW(call_hello_reply, "agent", JSON_STR, agent, JSON_OMIT_EMPTY),
	ROW(call_hello_reply, "kernel", JSON_STR, kernel, JSON_OMIT_EMPTY),
	ROW(call_hello_reply, "features", JSON_STRS, features, JSON_OMIT_EMPTY),
	ROW(call_hello_reply, "window", JSON_U32, window, JSON_OMIT_EMPTY),
};
const struct json_type call_hello_reply_type = JSON_TYPE(call_hello_reply, hello_reply_rows);

static const struct json_row ip_address_rows[] = {
	ROW(call_ip_address, "ipAddress", JSON_STR, ip_address, JSON_OMIT_EMPTY),
	ROW(call_ip_address, "netMask", JSON_STR, netmask, JSON_OMIT_EMPTY),
};
static const struct json_type ip_address_type = JSON_TYPE(call_ip_address, ip_address_rows);

static const struct json_row interface_rows[] = {
	ROW(call_interface, "device", JSON_STR, device, JSON_OMIT_EMPTY),
	ROW(call_interface, "newDeviceName", JSON_STR, new_device_name, JSON_OMIT_EMPTY),
	OBJ(call_interface, "ipAddresses", JSON_OBJS, ip_addresses, 0, ip_address_type),
	ROW(call_interface, "mtu", JSON_I32, mtu, 0),
	ROW(call_interface, "macAddr", JSON_STR, mac_addr, JSON_OMIT_EMPTY),
};
const struct json_type call_interface_type = JSON_TYPE(call_interface, interface_rows);

static const struct json_row route_rows[] = {
	ROW(call_route, "dest", JSON_STR, dest, JSON_OMIT_EMPTY),
	ROW(call_route, "gateway", JSON_STR, gateway, JSON_OMIT_EMPTY),
	ROW(call_route, "device", JSON_STR, device, JSON_OMIT_EMPTY),
	ROW(call_route, "src", JSON_STR, src, JSON_OMIT_EMPTY),
};
static const struct json_type route_type = JSON_TYPE(call_route, route_rows);

static const struct json_row setuproute_rows[] = {
	OBJ(call_setuproute, "routes", JSON_OBJS, routes, JSON_REQUIRED, route_type),
};
const struct json_type call_setuproute_type = JSON_TYPE(call_setuproute, setuproute_rows);

static const struct json_row startpod_rows[] = {
	ROW(call_startpod, "hostname", JSON_STR, hostname, JSON_OMIT_EMPTY),
	OBJ(call_startpod, "interfaces", JSON_OBJS, interfaces, JSON_OMIT_EMPTY,
	    call_interface_type),
	OBJ(call_startpod, "routes", JSON_OBJS, routes, JSON_OMIT_EMPTY, route_type),
	ROW(call_startpod, "dns", JSON_STRS, dns, JSON_OMIT_EMPTY),
	ROW(call_startpod, "shareDir", JSON_STR, share_dir, JSON_OMIT_EMPTY),
	ROW(call_startpod, "msize", JSON_U32, msize, JSON_OMIT_EMPTY),
};
const struct json_type call_startpod_type = JSON_TYPE(call_startpod, startpod_rows);

static const struct json_row env_rows[] = {
	ROW(call_env, "env", JSON_STR, env, JSON_REQUIRED),
	ROW(call_env, "value", JSON_STR, value, 0),
};
static const struct json_type env_type = JSON_TYPE(call_env, env_rows);

static const struct json_row capabilities_rows[] = {
	ROW(call_capabilities, "bounding", JSON_STRS, bounding, 0),
	ROW(call_capabilities, "effective", JSON_STRS, effective, 0),
	ROW(call_capabilities, "inheritable", JSON_STRS, inheritable, 0),
	ROW(call_capabilities, "permitted", JSON_STRS, permitted, 0),
	ROW(call_capabilities, "ambient", JSON_STRS, ambient, 0),
};
static const struct json_type capabilities_type = JSON_TYPE(call_capabilities, capabilities_rows);

static const struct json_row process_rows[] = {
	ROW(call_process, "id", JSON_STR, id, JSON_OMIT_EMPTY),
	ROW(call_process, "user", JSON_STR, user, JSON_OMIT_EMPTY),
	ROW(call_process, "group", JSON_STR, group, JSON_OMIT_EMPTY),
	ROW(call_process, "additionalGroups", JSON_STRS, additional_groups, JSON_OMIT_EMPTY),
	ROW(call_process, "terminal", JSON_BOOL, terminal, 0),
	ROW(call_process, "stdio", JSON_U64, stdio, JSON_OMIT_EMPTY),
	ROW(call_process, "stderr", JSON_U64, stderr_stream, JSON_OMIT_EMPTY),
	ROW(call_process, "args", JSON_STRS, args, 0),
	OBJ(call_process, "envs", JSON_OBJS, envs, JSON_OMIT_EMPTY, env_type),
	ROW(call_process, "workdir", JSON_STR, workdir, JSON_OMIT_EMPTY),
	ROW(call_process, "noNewPrivileges", JSON_BOOL, no_new_privileges, 0),
	OBJ(call_process, "capabilities", JSON_OBJ, capabilities, 0, capabilities_type),
};
static const struct json_type process_type = JSON_TYPE(call_process, process_rows);

static const struct json_row fsmap_rows[] = {
	ROW(call_fsmap, "source", JSON_STR, source, JSON_OMIT_EMPTY),
	ROW(call_fsmap, "path", JSON_STR, path, JSON_REQUIRED),
	ROW(call_fsmap, "readOnly", JSON_BOOL, read_only, 0),
	ROW(call_fsmap, "dockerVolume", JSON_BOOL, docker_volume, 0),
	ROW(call_fsmap, "absolutePath", JSON_BOOL, absolute_path, 0),
	ROW(call_fsmap, "scsiAddr", JSON_STR, scsi_addr, JSON_OMIT_EMPTY),
};
static const struct json_type fsmap_type = JSON_TYPE(call_fsmap, fsmap_rows);

static const struct json_row system_mounts_rows[] = {
	ROW(call_system_mounts, "bindMountDev", JSON_BOOL, bind_mount_dev, 0),
	ROW(call_system_mounts, "devShmSize", JSON_U64, dev_shm_size, 0),
};
static const struct json_type system_mounts_type =
	JSON_TYPE(call_system_mounts, system_mounts_rows);

static const struct json_row constraints_rows[] = {
	ROW(call_constraints, "CPUQuota", JSON_I64, cpu_quota, 0),
	ROW(call_constraints, "CPUPeriod", JSON_U64, cpu_period, 0),
	ROW(call_constraints, "CPUShares", JSON_U64, cpu_shares, 0),
};
static const struct json_type constraints_type = JSON_TYPE(call_constraints, constraints_rows);

static const struct json_row newcontainer_rows[] = {
	ROW(call_newcontainer, "id", JSON_STR, id, JSON_REQUIRED),
	ROW(call_newcontainer, "rootfs", JSON_STR, rootfs, JSON_OMIT_EMPTY),
	ROW(call_newcontainer, "image", JSON_STR, image, JSON_OMIT_EMPTY),
	ROW(call_newcontainer, "fstype", JSON_STR, fstype, JSON_OMIT_EMPTY),
	ROW(call_newcontainer, "scsiAddr", JSON_STR, scsi_addr, JSON_OMIT_EMPTY),
	OBJ(call_newcontainer, "fsmap", JSON_OBJS, fsmap, JSON_OMIT_EMPTY, fsmap_type),
	ROW(call_newcontainer, "readOnly", JSON_BOOL, read_only, JSON_OMIT_EMPTY),
	OBJ(call_newcontainer, "process", JSON_OBJ, process, JSON_REQUIRED, process_type),
	OBJ(call_newcontainer, "systemMountsInfo", JSON_OBJ, system_mounts, 0, system_mounts_type),
	OBJ(call_newcontainer, "constraints", JSON_OBJ, constraints, 0, constraints_type),
};
const struct json_type call_newcontainer_type = JSON_TYPE(call_newcontainer, newcontainer_rows);

static const struct json_row execcmd_rows[] = {
	ROW(call_execcmd, "container", JSON_STR, container, JSON_REQUIRED),
	OBJ(call_execcmd, "process", JSON_OBJ, process, JSON_REQUIRED, process_type),
};
const struct json_type call_execcmd_type = JSON_TYPE(call_execcmd, execcmd_rows);

static const struct json_row streams_rows[] = {
	ROW(call_streams, "id", JSON_STR, id, JSON_OMIT_EMPTY),
	ROW(call_streams, "terminal", JSON_BOOL, terminal, 0),
	ROW(call_streams, "plainOutput", JSON_BOOL, plain_output, JSON_OMIT_EMPTY),
	ROW(call_streams, "stdio", JSON_U64, stdio, JSON_OMIT_EMPTY),
	ROW(call_streams, "stderr", JSON_U64, stderr_stream, JSON_OMIT_EMPTY),
};
static const struct json_type streams_type = JSON_TYPE(call_streams, streams_rows);

static const struct json_row createcontainer_rows[] = {
	ROW(call_createcontainer, "id", JSON_STR, id, JSON_REQUIRED),
	ROW(call_createcontainer, "rootfs", JSON_STR, rootfs, JSON_REQUIRED),
	OBJ(call_createcontainer, "process", JSON_OBJ, process, JSON_REQUIRED, streams_type),
	ROW(call_createcontainer, "bundle", JSON_STR, bundle, JSON_OMIT_EMPTY),
	OBJ(call_createcontainer, "spec", JSON_OBJ, spec, JSON_REQUIRED, oci_spec_type),
};
const struct json_type call_createcontainer_type =
	JSON_TYPE(call_createcontainer, createcontainer_rows);

static const struct json_row createcontainer_reply_rows[] = {
	ROW(call_createcontainer_reply, "warnings", JSON_STRS, warnings, JSON_OMIT_EMPTY),
};
const struct json_type call_createcontainer_reply_type =
	JSON_TYPE(call_createcontainer_reply, createcontainer_reply_rows);

static const struct json_row execprocess_rows[] = {
	ROW(call_execprocess, "container", JSON_STR, container, JSON_REQUIRED),
	OBJ(call_execprocess, "process", JSON_OBJ, process, JSON_REQUIRED, streams_type),
	OBJ(call_execprocess, "spec", JSON_OBJ, spec, JSON_REQUIRED, oci_process_type),
};
const struct json_type call_execprocess_type = JSON_TYPE(call_execprocess, execprocess_rows);

static const struct json_row container_rows[] = {
	ROW(call_container, "container", JSON_STR, container, JSON_REQUIRED),
};
const struct json_type call_container_type = JSON_TYPE(call_container, container_rows);

static const struct json_row killcontainer_rows[] = {
	ROW(call_killcontainer, "container", JSON_STR, container, JSON_REQUIRED),
	ROW(call_killcontainer, "signal", JSON_I32, signal, JSON_REQUIRED),
	ROW(call_killcontainer, "allProcesses", JSON_BOOL, all_processes, 0),
};
const struct json_type call_killcontainer_type = JSON_TYPE(call_killcontainer, killcontainer_rows);

static const struct json_row signalprocess_rows[] = {
	ROW(call_signalprocess, "container", JSON_STR, container, JSON_REQUIRED),
	ROW(call_signalprocess, "process", JSON_STR, process, JSON_OMIT_EMPTY),
	ROW(call_signalprocess, "signal", JSON_I32, signal, JSON_REQUIRED),
	ROW(call_signalprocess, "all", JSON_BOOL, all, JSON_OMIT_EMPTY),
	ROW(call_signalprocess, "seq", JSON_U32, seq, JSON_OMIT_EMPTY),
};
const struct json_type call_signalprocess_type = JSON_TYPE(call_signalprocess, signalprocess_rows);

static const struct json_row winsize_rows[] = {
	ROW(call_winsize, "seq", JSON_U64, seq, JSON_REQUIRED),
	ROW(call_winsize, "row", JSON_U32, row, 0),
	ROW(call_winsize, "column", JSON_U32, column, 0),
};
const struct json_type call_winsize_type = JSON_TYPE(call_winsize, winsize_rows);

static const struct json_row pscontainer_rows[] = {
	ROW(call_pscontainer, "container", JSON_STR, container, JSON_REQUIRED),
	ROW(call_pscontainer, "format", JSON_STR, format, JSON_OMIT_EMPTY),
	ROW(call_pscontainer, "psargs", JSON_STRS, psargs, JSON_OMIT_EMPTY),
};
const struct json_type call_pscontainer_type = JSON_TYPE(call_pscontainer, pscontainer_rows);

static const struct json_row onlinecpumem_rows[] = {
	ROW(call_onlinecpumem, "cpus", JSON_U32, cpus, JSON_OMIT_EMPTY),
	ROW(call_onlinecpumem, "memoryMib", JSON_U32, memory_mib, JSON_OMIT_EMPTY),
};
const struct json_type call_onlinecpumem_type = JSON_TYPE(call_onlinecpumem, onlinecpumem_rows);

static const struct json_row reseed_rows[] = {
	ROW(call_reseed, "seed", JSON_STR, seed, JSON_REQUIRED),
};
const struct json_type call_reseed_type = JSON_TYPE(call_reseed, reseed_rows);

static const struct json_row settime_rows[] = {
	ROW(call_settime, "sec", JSON_I64, sec, JSON_REQUIRED),
	ROW(call_settime, "nsec", JSON_U32, nsec, 0),
};
const struct json_type call_settime_type = JSON_TYPE(call_settime, settime_rows);

static const struct json_row resume_rows[] = {
	ROW(call_resume, "stdio", JSON_U64, stdio, JSON_REQUIRED),
	ROW(call_resume, "stdout", JSON_U64, out, 0),
	ROW(call_resume, "stdoutTaken", JSON_U64, out_taken, 0),
	ROW(call_resume, "stderr", JSON_U64, err, 0),
	ROW(call_resume, "stderrTaken", JSON_U64, err_taken, 0),
};
const struct json_type call_resume_type = JSON_TYPE(call_resume, resume_rows);

static const struct json_row resume_reply_rows[] = {
	ROW(call_resume_reply, "stdin", JSON_U64, in, JSON_REQUIRED),
	ROW(call_resume_reply, "stdinTaken", JSON_U64, in_taken, JSON_REQUIRED),
	ROW(call_resume_reply, "signals", JSON_U32, signals, 0),
};
const struct json_type call_resume_reply_type = JSON_TYPE(call_resume_reply, resume_reply_rows);
