/* The handlers of agent/proto/calls_control.h. */
#include "agent/proto/calls_control.h"

#include <string.h>

#include "agent/guest/cgroup.h"
#include "agent/guest/events.h"
#include "agent/guest/files.h"
#include "agent/guest/freeze.h"
#include "agent/guest/handler.h"
#include "agent/guest/stats.h"

/* The container of a call whose body is its name. */
static struct container *take_container(struct guest *guest, struct slot *slot, const char *payload,
					size_t len)
{
	auto_arena struct arena arena = { 0 };
	struct call_container call;

	if (!handler_decode(&call_container_type, payload, len, &arena, &call, slot))
		return NULL;
	return handler_container(guest, call.container, slot);
}

void handle_PAUSECONTAINER(struct guest *guest, struct slot *slot, const char *payload, size_t len)
{
	struct container *container = take_container(guest, slot, payload, len);

	if (container)
		freeze_pause(container, slot);
}

void handle_RESUMECONTAINER(struct guest *guest, struct slot *slot, const char *payload, size_t len)
{
	struct container *container = take_container(guest, slot, payload, len);

	if (container)
		freeze_resume(container, slot);
}

static bool is_alive(const struct container *container)
{
	return container->init && container->init->state != PROCESS_ENDED;
}

void handle_UPDATECONTAINER(struct guest *guest, struct slot *slot, const char *payload, size_t len)
{
	auto_arena struct arena arena = { 0 };
	struct call_updatecontainer call;
	struct container *container;
	struct error err = { 0 };

	if (!handler_decode(&call_updatecontainer_type, payload, len, &arena, &call, slot))
		return;
	container = handler_container(guest, call.container, slot);
	if (!container)
		return;
	if (!is_alive(container)) {
		slot_errorf(slot, "container not running");
		return;
	}
	(void)!cgroup_set_resources(container->cgroup_fd, &call.resources, &err);
	slot_finish(slot, &err);
}

void handle_STATSCONTAINER(struct guest *guest, struct slot *slot, const char *payload, size_t len)
{
	struct container *container = take_container(guest, slot, payload, len);
	auto_arena struct arena arena = { 0 };
	auto_strbuf struct strbuf text = { 0 };
	struct call_stats stats;
	struct error err = { 0 };

	if (!container)
		return;
	if (stats_collect(container->cgroup_fd, &arena, &stats, &err) < 0)
		slot_error(slot, &err);
	else if (json_encode(&call_stats_type, &stats, 0, &text) < 0)
		slot_errorf(slot, "statistics of '%s': cannot allocate memory", container->id);
	else
		slot_ack(slot, text.data, text.len);
}

void handle_WAITEVENTS(struct guest *guest, struct slot *slot, const char *payload, size_t len)
{
	auto_arena struct arena arena = { 0 };
	struct call_waitevents call;

	if (handler_decode(&call_waitevents_type, payload, len, &arena, &call, slot))
		events_wait(guest, &call, slot);
}

void handle_WAITPROCESS(struct guest *guest, struct slot *slot, const char *payload, size_t len)
{
	auto_arena struct arena arena = { 0 };
	struct call_waitprocess call;
	const struct container *container;
	const struct process *process;

	if (!handler_decode(&call_waitprocess_type, payload, len, &arena, &call, slot))
		return;
	container = container_find(guest, call.container);
	process = container ? process_find(guest, container, call.process) : NULL;
	events_wait_process(guest, &call, process && process->state != PROCESS_ENDED, slot);
}

void handle_COPYFILE(struct guest *guest, struct slot *slot, const char *payload, size_t len)
{
	auto_arena struct arena arena = { 0 };
	struct container *container;
	struct call_copyfile call;

	if (handler_decode(&call_copyfile_type, payload, len, &arena, &call, slot) &&
	    handler_maybe_container(guest, call.container, &container, slot))
		files_copy(guest, container, &call, slot);
}

void handle_READFILE(struct guest *guest, struct slot *slot, const char *payload, size_t len)
{
	auto_arena struct arena arena = { 0 };
	struct container *container;
	struct call_file call;

	if (handler_decode(&call_file_type, payload, len, &arena, &call, slot) &&
	    handler_maybe_container(guest, call.container, &container, slot))
		files_read(guest, container, &call, slot);
}

void handle_WRITEFILE(struct guest *guest, struct slot *slot, const char *payload, size_t len)
{
	auto_arena struct arena arena = { 0 };
	size_t body = files_object_len(payload, len);
	struct container *container;
	struct call_file call;

	if (handler_decode(&call_file_type, payload, body, &arena, &call, slot) &&
	    handler_maybe_container(guest, call.container, &container, slot))
		files_write(guest, container, &call, payload + body, len - body, slot);
}

void handle_RENAMECONTAINER(struct guest *guest, struct slot *slot, const char *payload, size_t len)
{
	auto_arena struct arena arena = { 0 };
	struct container *container;
	struct call_rename call;
	struct error err = { 0 };

	if (!handler_decode(&call_rename_type, payload, len, &arena, &call, slot))
		return;
	container = handler_container(guest, call.container, slot);
	if (!container)
		return;
	(void)!container_rename(container, call.name, &err);
	slot_finish(slot, &err);
}
