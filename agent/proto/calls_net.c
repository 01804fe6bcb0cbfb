#include "agent/proto/calls_net.h"

#include "agent/proto/calls_rows.h"

static const struct json_row address_rows[] = {
	ROW(call_net_address, "address", JSON_STR, address, JSON_REQUIRED),
	ROW(call_net_address, "peer", JSON_STR, peer, JSON_OMIT_EMPTY),
	ROW(call_net_address, "scope", JSON_OPT_U32, scope, 0),
};
static const struct json_type address_type = JSON_TYPE(call_net_address, address_rows);

static const struct json_row update_interface_rows[] = {
	ROW(call_update_interface, "mac", JSON_STR, mac, JSON_OMIT_EMPTY),
	ROW(call_update_interface, "pciPath", JSON_STR, pci_path, JSON_OMIT_EMPTY),
	ROW(call_update_interface, "device", JSON_STR, device, JSON_OMIT_EMPTY),
	ROW(call_update_interface, "name", JSON_STR, name, JSON_OMIT_EMPTY),
	ROW(call_update_interface, "newMac", JSON_STR, new_mac, JSON_OMIT_EMPTY),
	ROW(call_update_interface, "mtu", JSON_U32, mtu, JSON_OMIT_EMPTY),
	OBJ(call_update_interface, "addresses", JSON_OBJS, addresses, JSON_OMIT_EMPTY,
	    address_type),
	ROW(call_update_interface, "exact", JSON_BOOL, exact, JSON_OMIT_EMPTY),
	ROW(call_update_interface, "up", JSON_OPT_BOOL, up, 0),
	ROW(call_update_interface, "timeoutMs", JSON_U32, timeout_ms, JSON_OMIT_EMPTY),
};
const struct json_type call_update_interface_type =
	JSON_TYPE(call_update_interface, update_interface_rows);

static const struct json_row net_route_rows[] = {
	ROW(call_net_route, "dest", JSON_STR, dest, JSON_REQUIRED),
	ROW(call_net_route, "gateway", JSON_STR, gateway, JSON_OMIT_EMPTY),
	ROW(call_net_route, "device", JSON_STR, device, JSON_OMIT_EMPTY),
	ROW(call_net_route, "src", JSON_STR, src, JSON_OMIT_EMPTY),
	ROW(call_net_route, "scope", JSON_OPT_U32, scope, 0),
	ROW(call_net_route, "type", JSON_OPT_U32, type, 0),
	ROW(call_net_route, "protocol", JSON_OPT_U32, protocol, 0),
	ROW(call_net_route, "metric", JSON_U32, metric, JSON_OMIT_EMPTY),
	ROW(call_net_route, "mtu", JSON_U32, mtu, JSON_OMIT_EMPTY),
	ROW(call_net_route, "onlink", JSON_BOOL, onlink, JSON_OMIT_EMPTY),
};
static const struct json_type net_route_type = JSON_TYPE(call_net_route, net_route_rows);

static const struct json_row update_routes_rows[] = {
	OBJ(call_update_routes, "routes", JSON_OBJS, routes, JSON_REQUIRED, net_route_type),
	ROW(call_update_routes, "exact", JSON_BOOL, exact, JSON_OMIT_EMPTY),
};
const struct json_type call_update_routes_type = JSON_TYPE(call_update_routes, update_routes_rows);

static const struct json_row net_neighbour_rows[] = {
	ROW(call_net_neighbour, "address", JSON_STR, address, JSON_REQUIRED),
	ROW(call_net_neighbour, "device", JSON_STR, device, JSON_REQUIRED),
	ROW(call_net_neighbour, "lladdr", JSON_STR, lladdr, JSON_OMIT_EMPTY),
	ROW(call_net_neighbour, "state", JSON_OPT_U32, state, 0),
	ROW(call_net_neighbour, "flags", JSON_U32, flags, JSON_OMIT_EMPTY),
};
static const struct json_type net_neighbour_type =
	JSON_TYPE(call_net_neighbour, net_neighbour_rows);

static const struct json_row update_neighbours_rows[] = {
	OBJ(call_update_neighbours, "neighbours", JSON_OBJS, neighbours, JSON_REQUIRED,
	    net_neighbour_type),
};
const struct json_type call_update_neighbours_type =
	JSON_TYPE(call_update_neighbours, update_neighbours_rows);

static const struct json_row set_dns_rows[] = {
	ROW(call_set_dns, "container", JSON_STR, container, JSON_OMIT_EMPTY),
	ROW(call_set_dns, "content", JSON_STR, content, JSON_REQUIRED),
};
const struct json_type call_set_dns_type = JSON_TYPE(call_set_dns, set_dns_rows);

static const struct json_row set_dns_reply_rows[] = {
	ROW(call_set_dns_reply, "applied", JSON_BOOL, applied, JSON_REQUIRED),
};
const struct json_type call_set_dns_reply_type = JSON_TYPE(call_set_dns_reply, set_dns_reply_rows);
