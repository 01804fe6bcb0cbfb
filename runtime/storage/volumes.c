#include "runtime/storage/volumes.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "runtime/storage/disk.h"
#include "runtime/storage/progress.h"

/* Changes when images are made in another way. */
#define IMAGE_FLAVOUR "acrun 1"

/* How often a tree may change under the packer before its image is nobody else's. */
enum { PACK_TRIES = 2 };

/* What a slot would be wasted on. */
enum { SMALL_BYTES = 1 << 20, SMALL_ENTRIES = 1000 };

/* mkfs.erofs up to 1.5 at least cuts longer names off and does not find the file then. */
enum { EROFS_NAME_MAX = 254 };

int volumes_plan(struct volumes *volumes, const struct share *share, struct oci_spec *spec,
		 const char *id, struct arena *arena, struct error *err)
{
	volumes->list =
		arena_calloc(arena, share->n_mounts + spec->mounts.len, sizeof(*volumes->list));
	if (!volumes->list)
		return err_set(err, -ENOMEM, "plan what the guest needs");
	volumes->n = share->n_mounts;
	for (size_t i = 0; i < volumes->n; i++) {
		const struct share_mount *mount = &share->mounts[i];

		if (mount->idmap)
			return err_msg(err, -EOPNOTSUPP,
				       "error mounting \"%s\" to rootfs at \"%s\": ids can't be "
				       "mapped, for this hypervisor shares no directories with its "
				       "guests",
				       mount->source, mount->destination);
		volumes->list[i] = (struct volume){
			.mount = mount,
			.source = { mount->source, mount->destination, mount->is_dir,
				    mount->recursive },
			.writable = i == 0 || !mount->readonly,
			.entry = IMAGE_ENTRY_INIT,
		};
	}
	return disks_plan(volumes, spec, id, arena, err);
}

static bool has_cache(const struct volumes *volumes)
{
	return volumes->setup.cache.dir && *volumes->setup.cache.dir;
}

static bool is_cached(const struct volumes *volumes, const struct tree *tree,
		      enum image_format format)
{
	auto_free char *path = NULL;

	if (!has_cache(volumes) || asprintf(&path, "%s/%s.%s/image", volumes->setup.cache.dir,
					    tree->key, image_format_name(format)) < 0) {
		path = NULL;
		return false;
	}
	return access(path, F_OK) == 0;
}

/* The first that will do; a later one that is packed already saves the time, which is how a guest
 * that lacks the first one is remembered. */
static enum image_format choose_format(const struct volumes *volumes, const struct tree *tree)
{
	enum image_format first = IMAGE_FORMATS, last = IMAGE_EROFS;

	for (enum image_format i = 0; i < IMAGE_FORMATS; i++) {
		if (!volumes->usable[i])
			continue;
		last = i;
		if (i == IMAGE_EROFS && tree->longest_name > EROFS_NAME_MAX)
			continue;
		if (is_cached(volumes, tree, i))
			return i;
		if (first == IMAGE_FORMATS)
			first = i;
	}
	/* the packer will tell about the name */
	return first == IMAGE_FORMATS ? last : first;
}

static int examine(struct volumes *volumes, struct volume *volume, struct error *err)
{
	int ret = tree_examine(volume->source.path, volume->source.recursive, IMAGE_FLAVOUR,
			       &volume->tree, err);

	if (ret < 0)
		return err_ctx(err, "error mounting \"%s\" to rootfs at \"%s\"",
			       volume->source.path, volume->source.destination);
	volume->format = choose_format(volumes, &volume->tree);
	cleanup_free(&volume->name);
	if (asprintf(&volume->name, "%s.%s", volume->tree.key, image_format_name(volume->format)) <
	    0)
		volume->name = NULL;
	return volume->name ? 0 : err_set(err, -ENOMEM, "look at '%s'", volume->source.path);
}

/* Kernel file systems with devices: their names would be there, and nothing behind them. */
static int refuse_devices(const struct volume *volume, struct error *err)
{
	const char *path = volume->source.path;
	struct stat st, dev;

	if (!volume->source.is_dir || strncmp(path, "/dev", 4) != 0 ||
	    (path[4] != '/' && path[4] != '\0') || stat(path, &st) < 0 || stat("/dev", &dev) < 0)
		return 0;
	if (st.st_dev != dev.st_dev && strcmp(path, "/dev/pts") != 0)
		return 0;
	return err_msg(err, -EOPNOTSUPP,
		       "error mounting \"%s\" to rootfs at \"%s\": devices of the host cannot be "
		       "reached from a virtual machine",
		       path, volume->source.destination);
}

static int check_size(const struct volumes *volumes, const struct volume *volume, struct error *err)
{
	if (!volume->writable || volume->tree.bytes <= volumes->setup.copy_max)
		return 0;
	err_msg(err, -EFBIG,
		"error mounting \"%s\" to rootfs at \"%s\": this hypervisor shares no directories "
		"with its guests, and the %llu MiB in it are too many for a writable copy",
		volume->source.path, volume->source.destination,
		(unsigned long long)volume->tree.bytes >> 20);
	return err_hint(err,
			"the limit is copy_max = %llu in [storage]; or add \"ro\" to the options "
			"of the mount",
			(unsigned long long)volumes->setup.copy_max >> 20);
}

/* Which way a bind mount goes. The root file system is always an image. */
static int decide(const struct volumes *volumes, struct volume *volume, struct error *err)
{
	const struct tree *tree = &volume->tree;
	int ret;

	if (volume == volumes->list)
		return 0;
	ret = refuse_devices(volume, err);
	if (ret == 0)
		ret = check_size(volumes, volume, err);
	/* a guest's memory file system may be without attributes of users */
	if (tree->bytes <= SMALL_BYTES && tree->entries <= SMALL_ENTRIES && !tree->user_xattrs)
		volume->way = VOLUME_COPY;
	return ret;
}

/* An image for this container alone, in its own directory. */
static int start_private(struct volumes *volumes, struct volume *volume, struct error *err)
{
	size_t index = (size_t)(volume - volumes->list);

	if (!volume->private &&
	    asprintf(&volume->private, "%s/image-%zu", volumes->setup.dir, index) < 0) {
		volume->private = NULL;
		return err_set(err, -ENOMEM, "pack '%s'", volume->source.path);
	}
	return image_start(&volume->job, &volume->source, &volume->tree, volume->format,
			   volumes->setup.stage, volume->private, err);
}

/* From the cache, or a packer starts. -ETIMEDOUT: another process packs the same. */
static int start_cached(struct volumes *volumes, struct volume *volume, int timeout_ms,
			struct error *err)
{
	struct error trouble = { 0 };
	int ret = image_entry_open(&volumes->setup.cache, volume->name, timeout_ms,
				   &volumes->setup.self, &volume->entry, &trouble);

	if (ret == -ETIMEDOUT)
		return err_msg(err, ret, "%s", trouble.text);
	if (ret < 0) {
		log_warning("%s; the image of '%s' is not kept", trouble.text, volume->source.path);
		return start_private(volumes, volume, err);
	}
	if (volume->entry.present) {
		volume->image = volume->entry.image;
		return 0;
	}
	return image_start(&volume->job, &volume->source, &volume->tree, volume->format,
			   volumes->setup.stage, volume->entry.part, err);
}

static int begin_image(struct volumes *volumes, struct volume *volume, struct error *err)
{
	int ret = has_cache(volumes) ? start_cached(volumes, volume, 0, err)
				     : start_private(volumes, volume, err);

	return ret == -ETIMEDOUT ? 0 : ret;
}

int volumes_begin(struct volumes *volumes, const struct volumes_setup *setup, struct error *err)
{
	int ret = image_find_formats(setup->format, volumes->usable, err);

	volumes->setup = *setup;
	/* the clock that files' times are taken from */
	(void)clock_gettime(CLOCK_REALTIME_COARSE, &volumes->since);
	for (size_t i = 0; ret == 0 && i < volumes->n; i++) {
		struct volume *volume = &volumes->list[i];

		if (volume->way == VOLUME_DISK)
			continue;
		ret = examine(volumes, volume, err);
		if (ret == 0)
			ret = decide(volumes, volume, err);
		if (ret == 0 && volume->way == VOLUME_IMAGE)
			ret = begin_image(volumes, volume, err);
	}
	return ret;
}

int volumes_pack_root(struct volumes *volumes, struct error *err)
{
	struct volume *root = &volumes->list[0];
	int ret;

	volumes->loan = NULL;
	root->way = VOLUME_IMAGE;
	root->image = NULL;
	root->writable = true;
	ret = examine(volumes, root, err);
	return ret < 0 ? ret : begin_image(volumes, root, err);
}

static bool is_among(const char *name, const struct json_strs *list)
{
	for (size_t i = 0; i < list->len; i++)
		if (strcmp(list->items[i], name) == 0)
			return true;
	return false;
}

static int begin_anew(struct volumes *volumes, struct volume *volume, struct error *err)
{
	int ret;

	log_debug("the guest has no %s: '%s' is packed anew", image_format_name(volume->format),
		  volume->source.path);
	image_done(&volume->job);
	image_entry_done(&volume->entry);
	cleanup_free(&volume->private);
	volume->image = NULL;
	ret = examine(volumes, volume, err);
	return ret < 0 ? ret : begin_image(volumes, volume, err);
}

int volumes_refit(struct volumes *volumes, const struct json_strs *filesystems, struct error *err)
{
	bool any = false;
	int ret = 0;

	for (int i = 0; i < IMAGE_FORMATS; i++) {
		volumes->usable[i] &= is_among(image_format_name(i), filesystems);
		any |= volumes->usable[i];
	}
	for (size_t i = 0; ret == 0 && i < volumes->n; i++) {
		struct volume *volume = &volumes->list[i];
		bool lent = i == 0 && volumes->loan;
		bool refused = lent && !is_among(volume->fstype, filesystems);

		if (!any && (refused || volume->way == VOLUME_IMAGE)) {
			err_msg(err, -EOPNOTSUPP,
				"the guest's kernel has none of the file systems that '%s' can be "
				"packed into (image_format = \"%s\")",
				volume->source.path, volumes->setup.format);
			return err_hint(err, "image_format in [storage]; a kernel with EROFS or "
					     "ext4, or an initrd with its module");
		}
		if (refused)
			ret = volumes_pack_root(volumes, err);
		else if (volume->way == VOLUME_IMAGE && !volumes->usable[volume->format])
			ret = begin_anew(volumes, volume, err);
	}
	return ret;
}

static int time_left(int64_t deadline_ms)
{
	int64_t left = deadline_ms - clock_now_ms();

	return left > 0 ? (int)left : 0;
}

/* Packed from a tree that stayed as it was, the image is for everybody. 1: it did not. */
static int publish(struct volumes *volumes, struct volume *volume, struct error *err)
{
	char key[SHA256_TEXT_LEN];
	int ret;

	memcpy(key, volume->tree.key, sizeof(key));
	ret = examine(volumes, volume, err);
	if (ret < 0)
		return ret;
	if (strcmp(key, volume->tree.key) != 0) {
		log_debug("'%s' has changed while it was packed", volume->source.path);
		image_entry_done(&volume->entry);
		return 1;
	}
	ret = image_entry_publish(&volumes->setup.cache, &volume->entry, &volumes->setup.self, err);
	if (ret == 0)
		volume->image = volume->entry.image;
	return ret;
}

/* Unused images make room for one that is used. */
static bool make_room(const struct volumes *volumes)
{
	struct error ignored;

	return image_cache_trim(&volumes->setup.cache, 0, false, NULL, NULL, &ignored) == 0;
}

static int finish_cached(struct volumes *volumes, struct volume *volume, int64_t deadline_ms,
			 struct error *err)
{
	int ret = 0;

	if (!volume->entry.locked)
		ret = start_cached(volumes, volume, time_left(deadline_ms), err);
	if (ret < 0 || volume->image || volume->private)
		return ret;
	ret = progress_wait(&volume->job, volume->tree.stored_bytes, deadline_ms, err);
	if (ret == -ENOSPC && make_room(volumes)) {
		ret = image_start(&volume->job, &volume->source, &volume->tree, volume->format,
				  volumes->setup.stage, volume->entry.part, err);
		if (ret == 0)
			ret = progress_wait(&volume->job, volume->tree.stored_bytes, deadline_ms,
					    err);
	}
	return ret < 0 ? ret : publish(volumes, volume, err);
}

int volume_finish(struct volumes *volumes, struct volume *volume, int64_t deadline_ms,
		  struct error *err)
{
	int ret = 1;

	for (int i = 0; i < PACK_TRIES && ret == 1; i++) {
		if (volume->image)
			return 0;
		if (volume->private || !has_cache(volumes))
			break;
		ret = finish_cached(volumes, volume, deadline_ms, err);
		if (ret < 0 || volume->image)
			return ret < 0 ? ret : 0;
	}
	if (!volume->private || volume->job.pid == 0)
		ret = start_private(volumes, volume, err);
	else
		ret = 0;
	if (ret == 0)
		ret = progress_wait(&volume->job, volume->tree.stored_bytes, deadline_ms, err);
	if (ret == 0)
		volume->image = volume->private;
	return ret;
}

void volumes_done(struct volumes *volumes)
{
	for (size_t i = 0; i < volumes->n; i++) {
		struct volume *volume = &volumes->list[i];

		image_done(&volume->job);
		image_entry_done(&volume->entry);
		cleanup_free(&volume->name);
		cleanup_free(&volume->private);
	}
	volumes->n = 0;
}
