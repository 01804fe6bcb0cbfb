/* The steps of a create that bring the container's files into a guest without a shared directory.
 */
#include "runtime/sandbox/create_internal.h"

#include <errno.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "agent/proto/calls_storage.h"
#include "agent/proto/tree_pack.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "runtime/agent_client/files.h"
#include "runtime/storage/copies.h"
#include "runtime/storage/volumes.h"

/* In the guest, between the file's coming and its being unpacked. */
#define STREAM_NAME "copy"

/* Names, owners and the like of what is copied, on top of what is in the files. */
enum { STREAM_MAX = 16 << 20 };

bool create_shares(const struct create *create)
{
	return !create->rec.state.no_share;
}

int create_plan_images(struct create *create, struct error *err)
{
	if (create_shares(create))
		return 0;
	create->volumes = arena_calloc(&create->arena, 1, sizeof(*create->volumes));
	if (!create->volumes)
		return err_set(err, -ENOMEM, "plan what the guest needs");
	return volumes_plan(create->volumes, &create->share, &create->spec, create->request->id,
			    &create->arena, err);
}

static int begin(struct create *create, struct error *err)
{
	const struct config_storage *config = &create->config.storage;
	struct volumes_setup setup = {
		.cache = { config->image_cache, (uint64_t)config->image_cache_mib << 20 },
		.format = config->image_format,
		.stage = create->share.dir,
		.dir = create->rec.dir_path,
		.copy_max = (uint64_t)config->copy_max_mib << 20,
	};
	int ret = proc_identify(getpid(), &setup.self);

	if (ret < 0)
		return err_set(err, ret, "identify this process");
	/* a container that joins a machine has none yet */
	if (mkdir(setup.stage, 0700) < 0 && errno != EEXIST)
		return err_set(err, -errno, "make '%s'", setup.stage);
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

static int attach_image(struct create *create, struct volume *volume,
			const struct client_wait *wait, struct error *err)
{
	struct machine *machine = &create->machine;
	bool is_disk = volume->way == VOLUME_DISK;
	const struct vm_disk disk = { .path = volume->image,
				      .readonly = !is_disk || !volume->writable };
	struct vm_disk_place place = { 0 };
	struct call_mountimage call = {
		.device = place.name,
		.fstype = is_disk ? volume->fstype : image_format_name(volume->format),
		.target = volume->mount->target,
		.whole = is_disk,
		.writable = !disk.readonly,
		.layer = !is_disk && volume->writable,
		.options = volume->options,
	};
	int ret = is_disk || volume->private
			  ? 0
			  : image_entry_use(&volume->entry, &machine->vm.vmm, err);

	if (ret == 0)
		ret = machine->hypervisor->add_disk(&machine->vm, machine->dir_fd, &disk, &place,
						    err);
	if (ret < 0)
		return ret;
	call.bytes = place.bytes;
	return agent_call(&create->client, CALL_MOUNTIMAGE, NULL, &call_mountimage_type, &call,
			  wait, err);
}

/* A tree that is small enough for the agent's own channel. */
static int send_copy(struct create *create, const struct volume *volume,
		     const struct client_wait *wait, struct error *err)
{
	const struct tree_pack pack = { .path = volume->source.path,
					.as = IMAGE_TREE,
					.max_bytes = STREAM_MAX };
	const struct call_puttree call = { .file = STREAM_NAME,
					   .target = volume->mount->target,
					   .layer = volume->writable };
	auto_close int fd = memfd_create("copy", MFD_CLOEXEC);
	uint64_t bytes = 0;
	int ret = fd < 0 ? err_set(err, -errno, "make a file in memory")
			 : tree_pack(&pack, fd, &bytes, err);

	if (ret == 0)
		ret = files_put(&create->client, STREAM_NAME, fd, bytes, wait, err);
	return ret == 0 ? agent_call(&create->client, CALL_PUTTREE, NULL, &call_puttree_type, &call,
				     wait, err)
			: ret;
}

static int bring(struct create *create, struct volume *volume, const struct client_wait *wait,
		 struct error *err)
{
	int ret;

	if (volume->way == VOLUME_COPY)
		return send_copy(create, volume, wait, err);
	ret = volume->way == VOLUME_DISK
		      ? 0
		      : volume_finish(create->volumes, volume, wait->deadline_ms, err);
	return ret < 0 ? ret : attach_image(create, volume, wait, err);
}

/* What `delete` must know to bring changes back. */
static int note_copies(struct create *create, struct error *err)
{
	const struct volumes *volumes = create->volumes;
	struct copy *list = arena_calloc(&create->arena, volumes->n, sizeof(*list));
	struct copies copies = {
		.since_s = create->volumes->since.tv_sec,
		.since_ns = (uint32_t)create->volumes->since.tv_nsec,
		.max_bytes = volumes->setup.copy_max + STREAM_MAX,
		.list = { .items = list },
	};

	if (!list)
		return err_set(err, -ENOMEM, "note what has been copied");
	for (size_t i = 1; i < volumes->n; i++) {
		const struct volume *volume = &volumes->list[i];
		auto_free char *path = NULL;
		int ret = volume->writable ? fs_realpath(volume->source.path, &path) : 0;

		if (ret < 0)
			return err_set(err, ret, "find '%s'", volume->source.path);
		if (!path)
			continue;
		list[copies.list.len++] =
			(struct copy){ .target = volume->mount->target,
				       .source = arena_strdup(&create->arena, path),
				       .destination = volume->source.destination };
	}
	return copies.list.len > 0 ? copies_save(create->rec.dir_fd, &copies, err) : 0;
}

int step_image(struct create *create, struct error *err)
{
	const struct client_wait wait = create_wait(create);
	struct volumes *volumes = create->volumes;
	int ret = !create_shares(create) && has_hooks(create) ? begin(create, err) : 0;

	for (size_t i = 0; ret == 0 && volumes && i < volumes->n; i++) {
		struct volume *volume = &volumes->list[i];

		ret = bring(create, volume, &wait, err);
		if (ret < 0)
			return err_ctx(err, "error mounting \"%s\" to rootfs at \"%s\"",
				       volume->source.path, volume->source.destination);
	}
	return ret == 0 && volumes ? note_copies(create, err) : ret;
}

void create_images_done(struct create *create)
{
	if (create->volumes)
		volumes_done(create->volumes);
}
