#include "runtime/net/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <linux/mount.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/parse.h"

static const char tun_device[] = "/dev/net/tun";

enum { DEVICE_NUMBER_MAX = 32, SYSFS_PATH_MAX = 128 };

static int set_flags(int fd, const char *name, bool plain)
{
	struct ifreq request = { .ifr_flags = IFF_TAP | IFF_NO_PI };

	if (!plain)
		request.ifr_flags |= IFF_VNET_HDR;

	if (snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name) >= IFNAMSIZ)
		return -ENAMETOOLONG;
	return ioctl(fd, TUNSETIFF, &request) < 0 ? -errno : 0;
}

int tap_make(const char *name, bool plain, struct error *err)
{
	auto_close int fd = open(tun_device, O_RDWR | O_CLOEXEC | O_NONBLOCK);
	int ret;

	if (fd < 0) {
		err_set(err, -errno, "open '%s'", tun_device);
		return err_hint(err, "a guest's interfaces need the kernel's module tun");
	}
	ret = set_flags(fd, name, plain);
	return ret < 0 ? err_set(err, ret, "make the tap '%s'", name) : take_fd(&fd);
}

int tap_keep(int fd)
{
	return ioctl(fd, TUNSETPERSIST, 1) < 0 ? -errno : 0;
}

/*
 * A file system mounted nowhere; returns a descriptor of its root. sysfs shows the interfaces of
 * the namespace in which it was made, whatever is mounted at /sys.
 */
static int make_mount(const char *type)
{
	auto_close int context = (int)syscall(SYS_fsopen, type, FSOPEN_CLOEXEC);
	int fd;

	if (context < 0 || syscall(SYS_fsconfig, context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return -errno;
	fd = (int)syscall(SYS_fsmount, context, FSMOUNT_CLOEXEC, 0);
	return fd < 0 ? -errno : fd;
}

/* Number of the character device, from a text like "511:3\n". */
static int read_number(int sysfs, unsigned index, dev_t *number)
{
	auto_strbuf struct strbuf text = { 0 };
	char path[SYSFS_PATH_MAX];
	uint32_t major_part, minor_part;
	char *colon;
	int ret;

	(void)snprintf(path, sizeof(path), "class/macvtap/tap%u/dev", index);
	ret = fs_read_file_at(sysfs, path, &text, DEVICE_NUMBER_MAX);
	if (ret < 0)
		return ret;
	colon = text.data ? strchr(text.data, ':') : NULL;
	if (!colon)
		return -EBADMSG;
	*colon++ = '\0';
	colon[strcspn(colon, "\n")] = '\0';
	if (parse_u32(text.data, &major_part) < 0 || parse_u32(colon, &minor_part) < 0)
		return -EBADMSG;
	*number = makedev(major_part, minor_part);
	return 0;
}

/*
 * /dev/tap<index> may belong to the interface of the same index in another namespace: there is only
 * one /dev. So the device's number is looked up, and a node of our own made for it.
 */
int tap_open_macvtap(const char *name, unsigned index, struct error *err)
{
	auto_close int sysfs = make_mount("sysfs");
	auto_close int nodes = make_mount("tmpfs");
	auto_close int fd = -1;
	dev_t number;
	int ret;

	if (sysfs < 0 || nodes < 0)
		return err_set(err, sysfs < 0 ? sysfs : nodes, "look for the device of '%s'", name);
	ret = read_number(sysfs, index, &number);
	if (ret == 0 && mknodat(nodes, "tap", S_IFCHR | 0600, number) < 0)
		ret = -errno;
	if (ret < 0)
		return err_set(err, ret, "find the device of the macvtap '%s'", name);
	fd = openat(nodes, "tap", O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return err_set(err, -errno, "open the device of the macvtap '%s'", name);
	ret = set_flags(fd, name, false);
	return ret < 0 ? err_set(err, ret, "set the device of the macvtap '%s' up", name)
		       : take_fd(&fd);
}
