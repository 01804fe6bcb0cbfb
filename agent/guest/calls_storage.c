/* The handlers of agent/proto/calls_storage.h. */
#include "agent/proto/calls_storage.h"

#include "agent/guest/handler.h"
#include "agent/guest/storage.h"
#include "agent/guest/task.h"

static int image_job(const void *call, int out_fd, struct error *err)
{
	(void)out_fd;
	return storage_mount_image(call, err);
}

void handle_MOUNTIMAGE(struct guest *guest, struct slot *slot, const char *payload, size_t len)
{
	auto_arena struct arena arena = { 0 };
	struct call_mountimage call;

	if (!handler_decode(&call_mountimage_type, payload, len, &arena, &call, slot))
		return;
	if (!guest->pod_started) {
		slot_errorf(slot, "mountimage: the pod has not been started");
		return;
	}
	task_start(guest, image_job, &call, slot);
}
