/* The steps of a create that bring the container's files into a guest without a shared directory.
 */
#include "runtime/sandbox/create_internal.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>

#include "agent/proto/calls_storage.h"
#include "agent/proto/tree_pack.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/log.h"
#include "runtime/agent_client/files.h"
#include "runtime/sandbox/pod.h"
#include "runtime/storage/copies.h"
#include "runtime/storage/volumes.h"

/* In the guest, between the file's coming and its being unpacked. */
#define STREAM_NAME "copy"

/* Names, owners and the like of what is copied, on top of what is in the files. */
enum { STREAM_MAX = 16 << 20, TYPES_REPLY_MAX = 4096 };

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

/* The rules of the host's numbers hold for those of the guest. */
static int apply_numbers(struct create *create, const char *device, const struct strbuf *text,
			 struct error *err)
{
	static const struct json_limits limits = { .max_depth = 2, .max_bytes = TYPES_REPLY_MAX };
	const struct oci_linux *linux_ = create->spec.linux_;
	struct json_objs rules = { 0 };
	struct call_mountimage_reply reply;
	struct oci_device_cgroup *rule;
	struct stat st;
	int ret = json_decode(&call_mountimage_reply_type, strbuf_str(text), text->len, &limits,
			      &create->arena, &reply, err);

	if (ret == 0 && stat(device, &st) < 0)
		ret = err_set(err, -errno, "look at '%s'", device);
	if (ret == 0 && linux_ && linux_->resources)
		rules = linux_->resources->devices;
	rule = rules.items;
	for (size_t i = 0; i < rules.len; i++) {
		if (!rule[i].type || strcmp(rule[i].type, "b") != 0 || !rule[i].major.set ||
		    !rule[i].minor.set || rule[i].major.value != major(st.st_rdev) ||
		    rule[i].minor.value != minor(st.st_rdev))
			continue;
		rule[i].major.value = reply.major;
		rule[i].minor.value = reply.minor;
	}
	return ret;
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
		.fstype = !is_disk	   ? image_format_name(volume->format)
			  : volume->fstype ? volume->fstype
					   : "",
		.target = volume->mount->target,
		.whole = is_disk,
		.writable = !disk.readonly,
		/* the root file system is always for writing, if not on its device */
		.layer = is_disk ? volume == create->volumes->list && disk.readonly
				 : volume->writable,
		.options = volume->options,
		.node = is_disk && !volume->fstype,
	};
	const struct agent_request request = { .code = CALL_MOUNTIMAGE,
					       .type = &call_mountimage_type,
					       .body = &call };
	auto_strbuf struct strbuf text = { 0 };
	int ret = is_disk || volume->private
			  ? 0
			  : image_entry_use(&volume->entry, &machine->vm.vmm, err);

	if (ret == 0)
		ret = machine->hypervisor->add_disk(&machine->vm, machine->dir_fd, &disk, &place,
						    err);
	if (ret < 0)
		return ret;
	call.bytes = place.bytes;
	ret = agent_ask(&create->client, &request, wait, &text, err);
	return ret == 0 && call.node ? apply_numbers(create, volume->image, &text, err) : ret;
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

/* A mount that the host itself is writing to is as good as a directory. */
static int lend_root(struct create *create, struct error *err)
{
	struct error why = { 0 };
	int ret = loan_make(create->volumes->loan, &why);

	if (ret == 0)
		return 0;
	log_warning("%s; it goes to the guest as an image", why.text);
	return volumes_pack_root(create->volumes, err);
}

static int bring(struct create *create, struct volume *volume, const struct client_wait *wait,
		 struct error *err)
{
	int ret = volume == create->volumes->list && create->volumes->loan ? lend_root(create, err)
									   : 0;

	if (ret < 0)
		return ret;
	if (volume->way == VOLUME_COPY)
		return send_copy(create, volume, wait, err);
	ret = volume->way == VOLUME_DISK
		      ? 0
		      : volume_finish(create->volumes, volume, wait->deadline_ms, err);
	return ret < 0 ? ret : attach_image(create, volume, wait, err);
}

/* A root file system that the host itself could not write to keeps what it has. */
static bool root_comes_back(const struct create *create, const struct volume *root)
{
	const struct oci_root *config = create->spec.root;
	struct statvfs st;

	if (root->way == VOLUME_DISK)
		return root->writable;
	return create->config.storage.copy_root && !(config && config->readonly) &&
	       statvfs(root->source.path, &st) == 0 && !(st.f_flag & ST_RDONLY);
}

/* Of a container of the same machine: has it a copy of that directory too? */
static int tell_if_copied(struct create *create, const char *id, const struct copy *copy,
			  struct error *err)
{
	auto_record struct record other = RECORD_INIT;
	auto_arena struct arena arena = { 0 };
	struct copies copies = { 0 };
	const struct copy *list;
	const char *text;

	if (strcmp(id, create->request->id) == 0 ||
	    record_peek(&other, create->request->root, id, NULL) < 0 ||
	    copies_load(other.dir_fd, &arena, &copies, NULL) < 0)
		return 0;
	list = copies.list.items;
	for (size_t i = 0; i < copies.list.len; i++) {
		if (strcmp(list[i].source, copy->source) != 0)
			continue;
		text = arena_printf(
			&create->arena,
			"mount at \"%s\": '%s' is container '%s''s too: this hypervisor "
			"shares no directories, so neither sees what the other writes",
			copy->destination, copy->source, id);
		return text ? create_tell_unapplied(create, &text, 1, err)
			    : err_set(err, -ENOMEM, "look for what is shared");
	}
	return 0;
}

/* In a pod, others may expect to see what is written to a directory. */
static int tell_shared(struct create *create, const struct copies *copies, struct error *err)
{
	const struct copy *list = copies->list.items;
	struct json_strs ids = { 0 };
	int ret = create->sandbox_id ? pod_list(&create->sandbox, create->request->root,
						&create->arena, &ids, err)
				     : 0;

	for (size_t i = 0; ret == 0 && i < copies->list.len; i++) {
		struct stat st;

		if (stat(list[i].source, &st) < 0 || !S_ISDIR(st.st_mode))
			continue;
		for (size_t j = 0; ret == 0 && j < ids.len; j++)
			ret = tell_if_copied(create, ids.items[j], &list[i], err);
	}
	return ret;
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
	int ret;

	if (!list)
		return err_set(err, -ENOMEM, "note what has been copied");
	for (size_t i = 0; i < volumes->n; i++) {
		const struct volume *volume = &volumes->list[i];
		bool back = i == 0 ? root_comes_back(create, volume) : volume->writable;
		auto_free char *path = NULL;

		ret = back ? fs_realpath(volume->source.path, &path) : 0;
		if (ret < 0)
			return err_set(err, ret, "find '%s'", volume->source.path);
		if (!path)
			continue;
		list[copies.list.len++] =
			(struct copy){ .target = volume->mount->target,
				       .source = arena_strdup(&create->arena, path),
				       .destination = volume->source.destination };
	}
	if (copies.list.len == 0)
		return 0;
	ret = copies_save(create->rec.dir_fd, &copies, err);
	return ret == 0 ? tell_shared(create, &copies, err) : ret;
}

/* What the guest cannot read is not brought to it. */
static int refit(struct create *create, const struct client_wait *wait, struct error *err)
{
	static const struct json_limits limits = { .max_depth = 3, .max_bytes = TYPES_REPLY_MAX };
	const struct agent_request request = { .code = CALL_FILESYSTEMS };
	struct call_filesystems_reply reply = { 0 };
	auto_strbuf struct strbuf text = { 0 };
	int ret = agent_ask(&create->client, &request, wait, &text, err);

	if (ret == 0)
		ret = json_decode(&call_filesystems_reply_type, strbuf_str(&text), text.len,
				  &limits, &create->arena, &reply, err);
	return ret < 0 ? err_ctx(err, "ask the guest for its file systems")
		       : volumes_refit(create->volumes, &reply.filesystems, err);
}

int step_loan(struct create *create, struct error *err)
{
	const struct volumes *volumes = create->volumes;

	return volumes && volumes->loan ? loan_save(create->rec.dir_fd, volumes->loan, err) : 0;
}

void undo_loan(struct record *rec)
{
	auto_arena struct arena arena = { 0 };
	struct error err = { 0 };
	struct loan loan;
	int ret = loan_load(rec->dir_fd, &arena, &loan, &err);

	if (ret == 0)
		ret = loan_end(&loan, &err);
	if (ret < 0 && ret != -ENOENT)
		log_warning("%s", err.text);
}

int step_image(struct create *create, struct error *err)
{
	const struct client_wait wait = create_wait(create);
	struct volumes *volumes = create->volumes;
	int ret = !create_shares(create) && has_hooks(create) ? begin(create, err) : 0;

	if (ret == 0 && volumes)
		ret = refit(create, &wait, err);
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
