#include "tests/standins/acrn/vm.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/mount.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/strbuf.h"

/* The sysfs of the namespace that we are in, which is another than the one at /sys. */
static int open_sysfs(void)
{
	auto_close int context = (int)syscall(SYS_fsopen, "sysfs", FSOPEN_CLOEXEC);

	if (context < 0 || syscall(SYS_fsconfig, context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return -1;
	return (int)syscall(SYS_fsmount, context, FSMOUNT_CLOEXEC, 0);
}

/* A tap that somebody made with other flags than ours is refused. */
static bool flags_fit(const char *name)
{
	auto_strbuf struct strbuf text = { 0 };
	auto_close int sysfs = open_sysfs();
	char path[64];
	unsigned long flags;

	(void)snprintf(path, sizeof(path), "class/net/%s/tun_flags", name);
	if (sysfs < 0 || fs_read_file_at(sysfs, path, &text, 64) < 0)
		return true;
	flags = strtoul(strbuf_str(&text), NULL, 0);
	return !(flags & (IFF_VNET_HDR | IFF_MULTI_QUEUE));
}

/* A macvtap is there already, and has a device of its own. */
static int open_device(const struct dm_config *cfg, const struct dm_net *net)
{
	char path[64] = "/dev/net/tun";

	if (dm_release_in(cfg, DM_RELEASE(2, 1, 0), 0) && strstr(net->tap, "macvtap"))
		(void)snprintf(path, sizeof(path), "/dev/tap%u", if_nametoindex(net->tap));
	return open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
}

int tap_open(struct dm_config *cfg, const struct dm_net *net)
{
	auto_close int fd = -1;
	struct ifreq ifr = { .ifr_flags = IFF_TAP | IFF_NO_PI };

	if (!net->open_tap)
		return -1;
	memcpy(ifr.ifr_name, net->tap, IFNAMSIZ);
	if (if_nametoindex(net->tap) == 0)
		dm_fault(cfg, "net: there is no '%s'", net->tap);
	fd = open_device(cfg, net);
	if (fd < 0 || !flags_fit(net->tap) || ioctl(fd, TUNSETIFF, &ifr) < 0) {
		(void)printf("open of tap device %s failed: %s\n", net->tap, strerror(errno));
		dm_fault(cfg, "net: '%s' cannot be opened, the link stays down", net->tap);
		return -1;
	}
	return take_fd(&fd);
}
