#include "agent/guest/storage.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/netlink.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "agent/guest/fail.h"
#include "agent/guest/layers.h"
#include "agent/guest/modules.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/parse.h"

enum {
	DISK_NAME_MAX = 8,
	DISK_WAIT_MS = 10000,
	SECTOR_BYTES = 512,
	SIZE_TEXT_MAX = 32,
	TYPES_TEXT_MAX = 16 << 10,
	UEVENT_GROUP = 1,
};

static const char *const image_types[STORAGE_TYPES] = { "erofs", "ext4", "xfs" };

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

/* Lines are "nodev<tab>name" or "<tab>name". */
bool storage_has_type(const char *text, const char *name)
{
	size_t len = strlen(name);

	while (*text) {
		size_t line = strcspn(text, "\n");
		size_t start = strcspn(text, "\t\n");

		if (start < line && line - start - 1 == len &&
		    strncmp(text + start + 1, name, len) == 0)
			return true;
		text += line;
		text += *text == '\n';
	}
	return false;
}

size_t storage_types(const char *names[static STORAGE_TYPES])
{
	auto_strbuf struct strbuf text = { 0 };
	size_t n = 0;

	(void)!fs_read_file_at(AT_FDCWD, "/proc/filesystems", &text, TYPES_TEXT_MAX);
	for (size_t i = 0; i < STORAGE_TYPES; i++)
		if (storage_has_type(strbuf_str(&text), image_types[i]) ||
		    modules_have(image_types[i]))
			names[n++] = image_types[i];
	return n;
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

static int check_call(const struct call_mountimage *call, struct error *err)
{
	if (!storage_is_disk(call->device))
		return err_msg(err, -EINVAL, "'%s' is no disk for an image", call->device);
	if (call->node && call->layer)
		return err_msg(err, -EINVAL, "a device has no layer over it");
	if (!call->node && !is_image_type(call->fstype))
		return err_msg(err, -EINVAL, "images cannot be of type '%s'", call->fstype);
	if (call->bytes == 0)
		return err_msg(err, -EINVAL, "an image on '%s' needs a size", call->device);
	return 0;
}

static int mount_disk(const struct call_mountimage *call, const char *target, struct error *err)
{
	char device[64];
	unsigned long flags = MS_NODEV | (call->writable ? 0 : MS_RDONLY);

	(void)snprintf(device, sizeof(device), "/dev/%s", call->device);
	if (mount(device, target, call->fstype, flags, call->options) == 0)
		return 0;
	if (errno == ENODEV)
		return err_msg(err, -ENODEV, "the guest's kernel has no file system '%s'",
			       call->fstype);
	return fail_set(err, -errno, "mount disk '%s' (%s)", call->device, call->fstype);
}

/* Who may only read it cannot write by opening the device itself. */
static int show_node(const struct call_mountimage *call, const struct layers *layers,
		     struct call_mountimage_reply *reply, struct error *err)
{
	auto_close int fd = -1;
	const int readonly = 1;
	struct stat st;
	char device[64];

	(void)snprintf(device, sizeof(device), "/dev/%s", call->device);
	fd = open(device, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &st) < 0 || (!call->writable && ioctl(fd, BLKROSET, &readonly) < 0))
		return fail_set(err, -errno, "open disk '%s'", call->device);
	if (!S_ISBLK(st.st_mode))
		return err_msg(err, -ENOTBLK, "disk '%s' is no block device", call->device);
	reply->major = major(st.st_rdev);
	reply->minor = minor(st.st_rdev);
	return layers_show_device(layers, device, err);
}

int storage_mount_image(const struct call_mountimage *call, struct call_mountimage_reply *reply,
			struct error *err)
{
	struct layers layers;
	int ret = check_call(call, err);

	if (ret == 0)
		ret = layers_name(call->target, &layers, err);
	if (ret < 0)
		return ret;
	/* what is built into the kernel is not there as a module: the mount itself will tell */
	(void)!modules_load("virtio_blk");
	if (!call->node)
		(void)!modules_load(call->fstype);
	ret = wait_for_disk(call->device, call->bytes, err);
	if (ret == 0)
		ret = layers_make(&layers, err);
	if (ret < 0)
		return ret;
	ret = call->node ? show_node(call, &layers, reply, err)
			 : mount_disk(call, layers.image, err);
	if (ret == 0 && !call->node)
		ret = layers_show(&layers, call->whole, call->layer, err);
	if (ret < 0)
		layers_remove(&layers);
	return ret;
}
