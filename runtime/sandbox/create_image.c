/* The step of a create that brings the container's files into a guest without a shared directory.
 */
#include "runtime/sandbox/create_internal.h"

#include <errno.h>
#include "agent/proto/calls_storage.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "runtime/storage/image.h"

/* In the machine's directory: it goes with it, however the machine ends. */
#define FILE_IMAGE "image." IMAGE_FSTYPE

bool create_shares(const struct create *create)
{
	return create->machine.hypervisor->caps & HV_CAP_SHARED_DIR;
}

int create_check_images(const struct create *create, struct error *err)
{
	auto_strvec struct strvec copies = { 0 };
	int ret = create_shares(create) ? 0 : image_check(&create->share, &copies, err);

	return ret < 0 ? ret
		       : create_tell_unapplied(create, (const char *const *)copies.items,
					       copies.len, err);
}

/* After the hooks, which may still change the root file system. */
int step_image(struct create *create, struct error *err)
{
	const struct client_wait wait = create_wait(create);
	const char *id = create->rec.state.id;
	struct machine *machine = &create->machine;
	struct vm_disk disk = {
		.path = arena_printf(&create->arena, "%s/" FILE_IMAGE, machine->dir),
		.readonly = true,
	};
	struct vm_disk_place place = { 0 };
	struct call_mountimage call = { .device = place.name,
					.fstype = IMAGE_FSTYPE,
					.target = id };
	int64_t left_ms = wait.deadline_ms - clock_now_ms();
	int ret;

	if (create_shares(create))
		return 0;
	if (!disk.path)
		return err_set(err, -ENOMEM, "pack an image");
	ret = image_pack(&create->share, id, disk.path, left_ms > 0 ? (int)left_ms : 0, err);
	if (ret == 0)
		ret = machine->hypervisor->add_disk(&machine->vm, machine->dir_fd, &disk, &place,
						    err);
	if (ret < 0)
		return ret;
	call.bytes = place.bytes;
	ret = agent_call(&create->client, CALL_MOUNTIMAGE, NULL, &call_mountimage_type, &call,
			 &wait, err);
	return ret < 0 ? err_ctx(err, "give the guest its root file system") : 0;
}
