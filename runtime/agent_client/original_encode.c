/*
 * The bodies of the older agents. Their parsers refuse a member that they do not know, so each
 * dialect has rows of its own over the same structs; D3's are those of calls.h.
 */
#include <errno.h>
#include "runtime/agent_client/original.h"

#define ROW(tag, json, kind_, member, flags_)                                            \
	{                                                                                \
		.name = (json), .kind = (kind_), .offset = offsetof(struct tag, member), \
		.flags = (flags_)                                                        \
	}
#define OBJ(tag, json, kind_, member, flags_, type_)                                     \
	{                                                                                \
		.name = (json), .kind = (kind_), .offset = offsetof(struct tag, member), \
		.flags = (flags_), .type = &(type_)                                      \
	}

static const struct json_row address_rows[] = {
	ROW(call_ip_address, "ipAddress", JSON_STR, ip_address, 0),
	ROW(call_ip_address, "netMask", JSON_STR, netmask, 0),
};
static const struct json_type address_type = JSON_TYPE(call_ip_address, address_rows);

/* D1 finds the device by macAddr, D2 by device. */
static const struct json_row d1_interface_rows[] = {
	ROW(call_interface, "device", JSON_STR, device, JSON_OMIT_EMPTY),
	ROW(call_interface, "newDeviceName", JSON_STR, new_device_name, JSON_OMIT_EMPTY),
	OBJ(call_interface, "ipAddresses", JSON_OBJS, ip_addresses, 0, address_type),
	ROW(call_interface, "mtu", JSON_I32, mtu, 0),
	ROW(call_interface, "macAddr", JSON_STR, mac_addr, JSON_OMIT_EMPTY),
};
static const struct json_type d1_interface_type = JSON_TYPE(call_interface, d1_interface_rows);

static const struct json_row d2_interface_rows[] = {
	ROW(call_interface, "device", JSON_STR, device, 0),
	ROW(call_interface, "newDeviceName", JSON_STR, new_device_name, JSON_OMIT_EMPTY),
	OBJ(call_interface, "ipAddresses", JSON_OBJS, ip_addresses, 0, address_type),
	ROW(call_interface, "mtu", JSON_I32, mtu, 0),
};
static const struct json_type d2_interface_type = JSON_TYPE(call_interface, d2_interface_rows);

static const struct json_row route_rows[] = {
	ROW(call_route, "dest", JSON_STR, dest, 0),
	ROW(call_route, "gateway", JSON_STR, gateway, JSON_OMIT_EMPTY),
	ROW(call_route, "device", JSON_STR, device, JSON_OMIT_EMPTY),
};
static const struct json_type route_type = JSON_TYPE(call_route, route_rows);

#define POD_ROWS(interface_type)                                                              \
	ROW(call_startpod, "hostname", JSON_STR, hostname, JSON_OMIT_EMPTY),                  \
		OBJ(call_startpod, "interfaces", JSON_OBJS, interfaces, JSON_OMIT_EMPTY,      \
		    interface_type),                                                          \
		OBJ(call_startpod, "routes", JSON_OBJS, routes, JSON_OMIT_EMPTY, route_type), \
		ROW(call_startpod, "dns", JSON_STRS, dns, JSON_OMIT_EMPTY),                   \
		ROW(call_startpod, "shareDir", JSON_STR, share_dir, 0)

static const struct json_row d1_pod_rows[] = { POD_ROWS(d1_interface_type) };
static const struct json_type d1_pod_type = JSON_TYPE(call_startpod, d1_pod_rows);
static const struct json_row d2_pod_rows[] = { POD_ROWS(d2_interface_type) };
static const struct json_type d2_pod_type = JSON_TYPE(call_startpod, d2_pod_rows);

static const struct json_row env_rows[] = {
	ROW(call_env, "env", JSON_STR, env, 0),
	ROW(call_env, "value", JSON_STR, value, 0),
};
static const struct json_type env_type = JSON_TYPE(call_env, env_rows);

/* The streams come from the proxy, and so does the id that D2 wants and D1 does not know. */
static const struct json_row process_rows[] = {
	ROW(call_process, "user", JSON_STR, user, JSON_OMIT_EMPTY),
	ROW(call_process, "group", JSON_STR, group, JSON_OMIT_EMPTY),
	ROW(call_process, "additionalGroups", JSON_STRS, additional_groups, JSON_OMIT_EMPTY),
	ROW(call_process, "terminal", JSON_BOOL, terminal, 0),
	ROW(call_process, "args", JSON_STRS, args, 0),
	OBJ(call_process, "envs", JSON_OBJS, envs, JSON_OMIT_EMPTY, env_type),
	ROW(call_process, "workdir", JSON_STR, workdir, 0),
};
static const struct json_type process_type = JSON_TYPE(call_process, process_rows);

static const struct json_row fsmap_rows[] = {
	ROW(call_fsmap, "source", JSON_STR, source, 0),
	ROW(call_fsmap, "path", JSON_STR, path, 0),
	ROW(call_fsmap, "readOnly", JSON_BOOL, read_only, 0),
	ROW(call_fsmap, "dockerVolume", JSON_BOOL, docker_volume, 0),
};
static const struct json_type fsmap_type = JSON_TYPE(call_fsmap, fsmap_rows);

/* D1 and D2 call a SCSI address `addr`. */
#define CONTAINER_ROWS                                                                          \
	ROW(call_newcontainer, "id", JSON_STR, id, 0),                                          \
		ROW(call_newcontainer, "rootfs", JSON_STR, rootfs, 0),                          \
		ROW(call_newcontainer, "image", JSON_STR, image, 0),                            \
		ROW(call_newcontainer, "fstype", JSON_STR, fstype, JSON_OMIT_EMPTY),            \
		ROW(call_newcontainer, "addr", JSON_STR, scsi_addr, JSON_OMIT_EMPTY),           \
		OBJ(call_newcontainer, "fsmap", JSON_OBJS, fsmap, JSON_OMIT_EMPTY, fsmap_type), \
		OBJ(call_newcontainer, "process", JSON_OBJ, process, 0, process_type)

static const struct json_row d1_container_rows[] = { CONTAINER_ROWS };
static const struct json_type d1_container_type = JSON_TYPE(call_newcontainer, d1_container_rows);
static const struct json_row d2_container_rows[] = {
	CONTAINER_ROWS,
	ROW(call_newcontainer, "readOnly", JSON_BOOL, read_only, JSON_OMIT_EMPTY),
};
static const struct json_type d2_container_type = JSON_TYPE(call_newcontainer, d2_container_rows);

static const struct json_row exec_rows[] = {
	ROW(call_execcmd, "container", JSON_STR, container, 0),
	OBJ(call_execcmd, "process", JSON_OBJ, process, 0, process_type),
};
static const struct json_type exec_type = JSON_TYPE(call_execcmd, exec_rows);

static const struct {
	enum agent_dialect dialect;
	enum call_code code;
	const struct json_type *type;
} bodies[] = {
	{ AGENT_D3, CALL_STARTPOD, &call_startpod_type },
	{ AGENT_D3, CALL_NEWCONTAINER, &call_newcontainer_type },
	{ AGENT_D3, CALL_EXECCMD, &call_execcmd_type },
	{ AGENT_D2, CALL_STARTPOD, &d2_pod_type },
	{ AGENT_D2, CALL_NEWCONTAINER, &d2_container_type },
	{ AGENT_D2, CALL_EXECCMD, &exec_type },
	{ AGENT_D1, CALL_STARTPOD, &d1_pod_type },
	{ AGENT_D1, CALL_NEWCONTAINER, &d1_container_type },
	{ AGENT_D1, CALL_EXECCMD, &exec_type },
};

int original_encode(enum agent_dialect dialect, enum call_code code, const void *body,
		    struct strbuf *json, struct error *err)
{
	int ret = -EOPNOTSUPP;

	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++)
		if (bodies[i].dialect == dialect && bodies[i].code == code)
			ret = json_encode(bodies[i].type, body, 0, json);
	return ret < 0 ? err_set(err, ret, "encode a call for the guest") : 0;
}
