/* The steps of a create that bring the container's files into a guest without a shared directory.
 */
#include "runtime/sandbox/create_internal.h"

#include <errno.h>
#include <unistd.h>
#include "agent/proto/calls_storage.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "runtime/storage/volumes.h"

bool create_shares(const struct create *create)
{
	return create->machine.hypervisor->caps & HV_CAP_SHARED_DIR;
}

int create_plan_images(struct create *create, struct error *err)
{
	auto_strvec struct strvec copies = { 0 };
	int ret;

	if (create_shares(create))
		return 0;
	create->volumes = arena_calloc(&create->arena, 1, sizeof(*create->volumes));
	if (!create->volumes)
		return err_set(err, -ENOMEM, "plan what the guest needs");
	ret = volumes_plan(create->volumes, &create->share, &create->arena, err);
	if (ret == 0)
		ret = volumes_check(create->volumes, &copies, err);
	return ret < 0 ? ret
		       : create_tell_unapplied(create, (const char *const *)copies.items,
					       copies.len, err);
}

static int begin(struct create *create, struct error *err)
{
	const struct config_storage *config = &create->config.storage;
	struct volumes_setup setup = {
		.cache = { config->image_cache, (uint64_t)config->image_cache_mib << 20 },
		.format = config->image_format,
		.stage = create->share.dir,
		.dir = create->rec.dir_path,
	};
	int ret = proc_identify(getpid(), &setup.self);

	if (ret < 0)
		return err_set(err, ret, "identify this process");
	return volumes_begin(create->volumes, &setup, err);
}

static bool has_hooks(const struct create *create)
{
	const struct oci_hooks *hooks = create->spec.hooks;

	return hooks && (hooks->prestart.len > 0 || hooks->create_runtime.len > 0);
}

/* While the machine boots, unless hooks may still change the root file system. */
int step_pack(struct create *create, struct error *err)
{
	return create_shares(create) || has_hooks(create) ? 0 : begin(create, err);
}

static int attach(struct create *create, struct volume *volume, const struct client_wait *wait,
		  struct error *err)
{
	struct machine *machine = &create->machine;
	const struct vm_disk disk = { .path = volume->image, .readonly = true };
	struct vm_disk_place place = { 0 };
	struct call_mountimage call = { .device = place.name,
					.fstype = image_format_name(volume->format),
					.target = volume->mount->target,
					.layer = volume->writable };
	int ret = volume->private ? 0
				  : image_entry_use(&volume->entry, &create->rec.state.vmm, err);

	if (ret == 0)
		ret = machine->hypervisor->add_disk(&machine->vm, machine->dir_fd, &disk, &place,
						    err);
	if (ret < 0)
		return ret;
	call.bytes = place.bytes;
	return agent_call(&create->client, CALL_MOUNTIMAGE, NULL, &call_mountimage_type, &call,
			  wait, err);
}

int step_image(struct create *create, struct error *err)
{
	const struct client_wait wait = create_wait(create);
	struct volumes *volumes = create->volumes;
	int ret = !create_shares(create) && has_hooks(create) ? begin(create, err) : 0;

	for (size_t i = 0; ret == 0 && volumes && i < volumes->n; i++) {
		struct volume *volume = &volumes->list[i];

		ret = volume_finish(volumes, volume, wait.deadline_ms, err);
		if (ret < 0)
			return ret;
		ret = attach(create, volume, &wait, err);
		if (ret < 0)
			return err_ctx(err, "error mounting \"%s\" to rootfs at \"%s\"",
				       volume->source.path, volume->source.destination);
	}
	return ret;
}

void create_images_done(struct create *create)
{
	if (create->volumes)
		volumes_done(create->volumes);
}
