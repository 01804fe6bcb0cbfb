/* The handlers of agent/proto/calls_net.h. */
#include "agent/proto/calls_net.h"

#include "agent/guest/dns.h"
#include "agent/guest/handler.h"
#include "agent/guest/net_update.h"
#include "agent/guest/task.h"

static int interface_job(const void *call, int out_fd, struct error *err)
{
	(void)out_fd;
	return net_update_interface(call, err);
}

static int routes_job(const void *call, int out_fd, struct error *err)
{
	(void)out_fd;
	return net_update_routes(call, err);
}

static int neighbours_job(const void *call, int out_fd, struct error *err)
{
	(void)out_fd;
	return net_update_neighbours(call, err);
}

void handle_UPDATEINTERFACE(struct guest *guest, struct slot *slot, const char *payload, size_t len)
{
	auto_arena struct arena arena = { 0 };
	struct call_update_interface call;

	if (handler_decode(&call_update_interface_type, payload, len, &arena, &call, slot))
		task_start(guest, interface_job, &call, slot);
}

void handle_UPDATEROUTES(struct guest *guest, struct slot *slot, const char *payload, size_t len)
{
	auto_arena struct arena arena = { 0 };
	struct call_update_routes call;

	if (handler_decode(&call_update_routes_type, payload, len, &arena, &call, slot))
		task_start(guest, routes_job, &call, slot);
}

void handle_UPDATENEIGHBOURS(struct guest *guest, struct slot *slot, const char *payload,
			     size_t len)
{
	auto_arena struct arena arena = { 0 };
	struct call_update_neighbours call;

	if (handler_decode(&call_update_neighbours_type, payload, len, &arena, &call, slot))
		task_start(guest, neighbours_job, &call, slot);
}

void handle_SETDNS(struct guest *guest, struct slot *slot, const char *payload, size_t len)
{
	auto_arena struct arena arena = { 0 };
	struct container *container;
	struct call_set_dns call;

	if (handler_decode(&call_set_dns_type, payload, len, &arena, &call, slot) &&
	    handler_maybe_container(guest, call.container, &container, slot))
		dns_set(guest, container, &call, slot);
}
