#include "agent/guest/init.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <linux/netlink.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "agent/guest/cgroup.h"
#include "agent/guest/guest.h"
#include "agent/guest/modules.h"
#include "agent/guest/net.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/log.h"

#define PORTS_DIR "/sys/class/virtio-ports"

enum { OPEN_FILES = 1 << 20, PORT_RETRY_MS = 500 };

struct system_mount {
	const char *type;
	const char *target;
	unsigned long flags;
	const char *data;
};

static const struct system_mount early_mounts[] = {
	{ "devtmpfs", "/dev", MS_NOSUID, "mode=0755" },
	{ "sysfs", "/sys", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL },
	{ "proc", "/proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL },
};

static const struct system_mount late_mounts[] = {
	{ "devpts", "/dev/pts", MS_NOSUID | MS_NOEXEC, "ptmxmode=0666,mode=0620,gid=5" },
	{ "tmpfs", "/dev/shm", MS_NOSUID | MS_NODEV, "mode=1777" },
	{ "tmpfs", "/run", MS_NOSUID | MS_NODEV, "mode=0755" },
	{ "cgroup2", GUEST_CGROUP_DIR, MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL },
};

static int mount_system(const struct system_mount *m, struct error *err)
{
	(void)mkdir(m->target, 0755);
	if (mount(m->type, m->target, m->type, m->flags, m->data) < 0 && errno != EBUSY)
		return err_set(err, -errno, "mount %s on '%s'", m->type, m->target);
	return 0;
}

/*
 * The initial root file system can't be left by pivot_root(2), which containers need. A bind mount
 * of it on itself, with our root directory inside, can.
 */
static int make_pivotable_root(struct error *err)
{
	auto_close int tree =
		(int)syscall(SYS_open_tree, AT_FDCWD, "/", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);

	if (tree < 0)
		return err_set(err, -errno, "clone the root mount");
	if (syscall(SYS_move_mount, tree, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return err_set(err, -errno, "mount the root over itself");
	if (fchdir(tree) < 0 || chroot(".") < 0)
		return err_set(err, -errno, "enter the new root");
	return 0;
}

/* An initramfs need not have /dev/console: descriptors 0 to 2 must exist all the same. */
static void open_standard_fds(void)
{
	int fd = open("/dev/null", O_RDWR | O_NOCTTY);

	while (fd >= 0 && fd <= STDERR_FILENO)
		fd = dup(fd);
	if (fd > STDERR_FILENO)
		(void)close(fd);
	fd = open("/dev/kmsg", O_WRONLY | O_CLOEXEC | O_NOCTTY);
	if (fd >= 0)
		log_use_fd(fd, LOG_TEXT, LOG_INFO);
}

int init_early(struct error *err)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN };
	int ret = make_pivotable_root(err);

	for (size_t i = 0; ret == 0 && i < sizeof(early_mounts) / sizeof(early_mounts[0]); i++)
		ret = mount_system(&early_mounts[i], err);
	if (ret < 0)
		return ret;
	open_standard_fds();
	(void)sigaction(SIGPIPE, &ignore, NULL);
	(void)umask(022);
	modules_load_list("early.list");
	return 0;
}

static void raise_limits(void)
{
	struct rlimit files = { .rlim_cur = OPEN_FILES, .rlim_max = OPEN_FILES };

	if (fs_write_file_at(AT_FDCWD, "/proc/sys/fs/nr_open", "1048576") < 0 ||
	    setrlimit(RLIMIT_NOFILE, &files) < 0)
		log_warning("raise the limit of open files: %s", strerror(errno));
}

/* The kernel asks for modules (file systems, protocols) by running us under this name. */
static void become_modprobe(void)
{
	(void)mkdir("/sbin", 0755);
	if (symlink("/init", "/sbin/modprobe") < 0 && errno != EEXIST)
		log_warning("create '/sbin/modprobe': %s", strerror(errno));
	/* a kernel without modules asks for none */
	if (access("/proc/sys/kernel/modprobe", F_OK) == 0 &&
	    fs_write_file_at(AT_FDCWD, "/proc/sys/kernel/modprobe", "/sbin/modprobe") < 0)
		log_warning("announce '/sbin/modprobe' to the kernel");
}

void init_late(void)
{
	struct error err;

	for (size_t i = 0; i < sizeof(late_mounts) / sizeof(late_mounts[0]); i++)
		if (mount_system(&late_mounts[i], &err) < 0)
			log_error("%s", err.text);
	(void)mkdir(GUEST_SHARE_DIR, 0755);
	(void)mkdir(GUEST_ROOT_DIR, 0755);
	become_modprobe();
	raise_limits();
	if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0)
		log_warning("become the reaper of orphans: %s", strerror(errno));
	cgroup_init();
	if (net_loopback_up(&err) < 0)
		log_warning("%s", err.text);
}

/* The device whose "name" attribute is `name`: "vport0p1". */
static int find_port(const char *name, char *device, size_t size)
{
	auto_dir DIR *dir = opendir(PORTS_DIR);
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		auto_strbuf struct strbuf text = { 0 };
		char path[512];

		if (entry->d_name[0] == '.' ||
		    snprintf(path, sizeof(path), "%s/name", entry->d_name) >= (int)sizeof(path) ||
		    fs_read_file_at(dirfd(dir), path, &text, 256) < 0 || text.len == 0)
			continue;
		if (text.data[text.len - 1] == '\n')
			text.data[text.len - 1] = '\0';
		if (strcmp(text.data, name) == 0)
			return snprintf(device, size, "/dev/%s", entry->d_name) < (int)size
				       ? 0
				       : -ENAMETOOLONG;
	}
	return -ENOENT;
}

/* Waits for something to change among the devices. */
static void wait_for_event(int uevents)
{
	struct pollfd pfd = { .fd = uevents, .events = POLLIN };
	char text[2048];

	/* the timeout is for the event that came before we listened, and for a full queue */
	if (poll(&pfd, 1, PORT_RETRY_MS) > 0)
		(void)!recv(uevents, text, sizeof(text), MSG_DONTWAIT);
}

int init_open_port(const char *name)
{
	struct sockaddr_nl addr = { .nl_family = AF_NETLINK, .nl_groups = 1 };
	auto_close int uevents =
		socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_KOBJECT_UEVENT);
	char device[300];
	int fd;

	if (uevents < 0 || bind(uevents, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		return -errno;
	while (find_port(name, device, sizeof(device)) < 0)
		wait_for_event(uevents);
	fd = open(device, O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	return fd < 0 ? -errno : fd;
}
