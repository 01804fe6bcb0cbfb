#include "agent/guest/storage.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/guest/fail.h"
#include "agent/guest/guest.h"
#include "agent/guest/modules.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/name.h"
#include "base/parse.h"

/* A memory file system for each image: the image's mount and the writable layer over it. */
#define LAYERS_DIR "/run/layers"

enum {
	DISK_NAME_MAX = 8,
	DISK_WAIT_MS = 10000,
	SECTOR_BYTES = 512,
	SIZE_TEXT_MAX = 32,
	UEVENT_GROUP = 1,
	PATH_LEN = 512, /* what NAME_MAX_LEN and our folders make up fits twice */
	OPTIONS_LEN = 3 * PATH_LEN,
};

static const char *const image_types[] = { "erofs", "ext4" };

struct layer {
	char dir[PATH_LEN];   /* the memory file system */
	char lower[PATH_LEN]; /* the image in it */
	char target[PATH_LEN];
};

static int make_dir(const char *path)
{
	return mkdir(path, 0755) < 0 && errno != EEXIST ? -errno : 0;
}

int storage_make_share(struct error *err)
{
	int ret = make_dir(GUEST_SHARE_DIR);

	if (ret == 0 && mount("tmpfs", GUEST_SHARE_DIR, "tmpfs", MS_NODEV, "mode=0755,size=1m") < 0)
		ret = -errno;
	return ret < 0 ? fail_set(err, ret, "make the share '%s'", GUEST_SHARE_DIR) : 0;
}

bool storage_is_disk(const char *name)
{
	size_t len = strlen(name);

	return len > 2 && len < DISK_NAME_MAX && strncmp(name, "vd", 2) == 0 &&
	       strspn(name + 2, "abcdefghijklmnopqrstuvwxyz") == len - 2;
}

static bool is_image_type(const char *name)
{
	for (size_t i = 0; i < sizeof(image_types) / sizeof(image_types[0]); i++)
		if (strcmp(name, image_types[i]) == 0)
			return true;
	return false;
}

/* What the kernel holds the disk to be; 0 while it is not there. */
static uint64_t disk_bytes(const char *device)
{
	auto_strbuf struct strbuf text = { 0 };
	char path[64];
	uint64_t sectors = 0;

	(void)snprintf(path, sizeof(path), "/sys/class/block/%s/size", device);
	if (fs_read_file_at(AT_FDCWD, path, &text, SIZE_TEXT_MAX) < 0 || !text.data)
		return 0;
	text.data[strcspn(text.data, "\n")] = '\0';
	return parse_u64(text.data, &sectors) < 0 || sectors > UINT64_MAX / SECTOR_BYTES
		       ? 0
		       : sectors * SECTOR_BYTES;
}

/* The kernel tells of disks that come and that change their size. */
static int open_uevents(void)
{
	struct sockaddr_nl address = { .nl_family = AF_NETLINK, .nl_groups = UEVENT_GROUP };
	auto_close int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
				   NETLINK_KOBJECT_UEVENT);

	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	return take_fd(&fd);
}

/* Only that there was something counts: what is true is in sysfs. */
static void drain(int fd)
{
	char message[4096];
	ssize_t n;

	do
		n = recv(fd, message, sizeof(message), 0);
	while (n > 0 || (n < 0 && (errno == EINTR || errno == ENOBUFS)));
}

static int wait_for_disk(const char *device, uint64_t bytes, struct error *err)
{
	int64_t deadline_ms = clock_now_ms() + DISK_WAIT_MS;
	auto_close int fd = open_uevents();
	uint64_t seen;

	if (fd < 0)
		return fail_set(err, fd, "watch for disk '%s'", device);
	while ((seen = disk_bytes(device)) != bytes) {
		struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
		int64_t left_ms = deadline_ms - clock_now_ms();

		if (left_ms <= 0)
			return err_msg(err, -ENODEV,
				       "disk '%s' has %llu bytes, not the %llu that were announced",
				       device, (unsigned long long)seen, (unsigned long long)bytes);
		if (poll(&poll_fd, 1, (int)left_ms) > 0)
			drain(fd);
	}
	return 0;
}

static int mount_layers(const struct call_mountimage *call, const struct layer *layer,
			struct error *err)
{
	char device[64], options[OPTIONS_LEN], upper[PATH_LEN], work[PATH_LEN];

	(void)snprintf(device, sizeof(device), "/dev/%s", call->device);
	if (snprintf(upper, sizeof(upper), "%s/upper", layer->dir) >= PATH_LEN ||
	    snprintf(work, sizeof(work), "%s/work", layer->dir) >= PATH_LEN ||
	    snprintf(options, sizeof(options), "lowerdir=%s,upperdir=%s,workdir=%s", layer->lower,
		     upper, work) >= OPTIONS_LEN)
		return fail_set(err, -ENAMETOOLONG, "mount an image at '%s'", layer->target);
	if (make_dir(layer->lower) < 0 || make_dir(upper) < 0 || make_dir(work) < 0)
		return fail_set(err, -errno, "make the layers in '%s'", layer->dir);
	if (mount(device, layer->lower, call->fstype, MS_RDONLY, NULL) < 0)
		return fail_set(err, -errno, "mount the image on '%s' (%s)", call->device,
				call->fstype);
	if (mount("overlay", layer->target, "overlay", MS_NODEV, options) < 0)
		return fail_set(err, -errno, "mount a writable layer over the image on '%s'",
				call->device);
	return 0;
}

static int check_call(const struct call_mountimage *call, struct layer *layer, struct error *err)
{
	if (!storage_is_disk(call->device))
		return err_msg(err, -EINVAL, "'%s' is no disk for an image", call->device);
	if (!is_image_type(call->fstype))
		return err_msg(err, -EINVAL, "images cannot be of type '%s'", call->fstype);
	if (call->bytes == 0 || !name_is_valid(call->target))
		return err_msg(err, -EINVAL, "an image on '%s' needs a size and a target",
			       call->device);
	if (snprintf(layer->dir, PATH_LEN, LAYERS_DIR "/%s", call->target) >= PATH_LEN ||
	    snprintf(layer->lower, PATH_LEN, LAYERS_DIR "/%s/image", call->target) >= PATH_LEN ||
	    snprintf(layer->target, PATH_LEN, GUEST_SHARE_DIR "/%s", call->target) >= PATH_LEN)
		return fail_set(err, -ENAMETOOLONG, "mount an image at '%s'", call->target);
	return 0;
}

int storage_mount_image(const struct call_mountimage *call, struct error *err)
{
	struct layer layer;
	int ret = check_call(call, &layer, err);

	if (ret < 0)
		return ret;
	/* what is built into the kernel is not there as a module: the mount itself will tell */
	(void)!modules_load("virtio_blk");
	(void)!modules_load(call->fstype);
	(void)!modules_load("overlay");
	ret = wait_for_disk(call->device, call->bytes, err);
	if (ret < 0)
		return ret;
	if (make_dir(LAYERS_DIR) < 0 || mkdir(layer.target, 0755) < 0 || make_dir(layer.dir) < 0)
		return fail_set(err, -errno, "make '%s'", layer.target);
	if (mount("tmpfs", layer.dir, "tmpfs", MS_NODEV, "mode=0700") < 0)
		return fail_set(err, -errno, "make room for the layers in '%s'", layer.dir);
	ret = mount_layers(call, &layer, err);
	if (ret < 0) {
		(void)umount2(layer.lower, MNT_DETACH);
		(void)umount2(layer.dir, MNT_DETACH);
		(void)rmdir(layer.target);
	}
	return ret;
}
