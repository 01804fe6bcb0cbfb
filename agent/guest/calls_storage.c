/* The handlers of agent/proto/calls_storage.h. */
#include "agent/proto/calls_storage.h"

#include "agent/guest/fail.h"
#include "agent/guest/handler.h"
#include "agent/guest/storage.h"
#include "agent/guest/task.h"
#include "agent/guest/trees.h"
#include "base/fs.h"

static int image_job(const void *call, int out_fd, struct error *err)
{
	const struct call_mountimage *image = call;
	struct call_mountimage_reply reply = { 0 };
	auto_strbuf struct strbuf text = { 0 };
	int ret = storage_mount_image(image, &reply, err);

	if (ret < 0 || !image->node)
		return ret;
	ret = json_encode(&call_mountimage_reply_type, &reply, 0, &text);
	if (ret == 0)
		ret = fs_write_all(out_fd, text.data, text.len);
	return ret < 0 ? fail_set(err, ret, "answer") : 0;
}

static int put_job(const void *call, int out_fd, struct error *err)
{
	(void)out_fd;
	return trees_put(call, err);
}

static int take_job(const void *call, int out_fd, struct error *err)
{
	auto_strbuf struct strbuf text = { 0 };
	struct call_taketree_reply reply = { 0 };
	int ret = trees_take(call, &reply.bytes, err);

	if (ret < 0)
		return ret;
	ret = json_encode(&call_taketree_reply_type, &reply, 0, &text);
	if (ret == 0)
		ret = fs_write_all(out_fd, text.data, text.len);
	return ret < 0 ? fail_set(err, ret, "answer") : 0;
}

/* Decodes and starts the job. */
static void start(struct guest *guest, struct slot *slot, const struct json_type *type, void *call,
		  task_job *job, const char *payload, size_t len)
{
	auto_arena struct arena arena = { 0 };

	if (!handler_decode(type, payload, len, &arena, call, slot))
		return;
	if (guest->pod_started)
		task_start(guest, job, call, slot);
	else
		slot_errorf(slot, "the pod has not been started");
}

void handle_PUTTREE(struct guest *guest, struct slot *slot, const char *payload, size_t len)
{
	struct call_puttree call;

	start(guest, slot, &call_puttree_type, &call, put_job, payload, len);
}

void handle_TAKETREE(struct guest *guest, struct slot *slot, const char *payload, size_t len)
{
	struct call_taketree call;

	start(guest, slot, &call_taketree_type, &call, take_job, payload, len);
}

void handle_FILESYSTEMS(struct guest *guest, struct slot *slot, const char *payload, size_t len)
{
	const char *names[STORAGE_TYPES];
	const struct call_filesystems_reply reply = {
		.filesystems = { .items = names, .len = storage_types(names) },
	};
	auto_strbuf struct strbuf text = { 0 };

	(void)guest;
	(void)payload;
	(void)len;
	if (json_encode(&call_filesystems_reply_type, &reply, 0, &text) < 0)
		slot_errorf(slot, "filesystems: cannot allocate memory");
	else
		slot_ack(slot, text.data, text.len);
}

void handle_MOUNTIMAGE(struct guest *guest, struct slot *slot, const char *payload, size_t len)
{
	struct call_mountimage call;

	start(guest, slot, &call_mountimage_type, &call, image_job, payload, len);
}
