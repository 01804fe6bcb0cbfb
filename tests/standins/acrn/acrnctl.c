/*
 * acrnctl: a stand-in for ACRN's control program, with the original's faults: it takes the first VM
 * whose name is a beginning of the one that is wanted, and a failed rescan is no failure.
 */
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "tests/standins/acrn/monitor.h"

enum { ACK_TIMEOUT_MS = 1000, VMS_MAX = 64, NAME_LEN = 128, FAILED = 255 };

static struct settings set;

struct found {
	char name[NAME_LEN];
	bool answers;
};

/* NAME.monitor.PID.socket: the name ends at the first dot. False: something else. */
static bool monitor_name(const char *file, char name[static NAME_LEN])
{
	size_t len = strcspn(file, ".");

	if (strncmp(file + len, ".monitor.", 9) != 0 || len == 0 || len >= NAME_LEN ||
	    strlen(file) < 7 || strcmp(file + strlen(file) - 7, ".socket") != 0)
		return false;
	memcpy(name, file, len);
	name[len] = '\0';
	return true;
}

/* Connects to the first socket whose name is a beginning of `vmname`. */
static int connect_vm(const char *vmname)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	auto_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	auto_dir DIR *dir = NULL;
	char path[1024];
	struct dirent *entry;
	char name[NAME_LEN];

	(void)snprintf(path, sizeof(path), "%s/mngr", set.run_dir);
	dir = opendir(path);
	while (dir && (entry = readdir(dir))) {
		if (!monitor_name(entry->d_name, name) || strncmp(name, vmname, strlen(name)) != 0)
			continue;
		(void)snprintf(path, sizeof(path), "%s/mngr/%s", set.run_dir, entry->d_name);
		memcpy(addr.sun_path, path, strnlen(path, sizeof(addr.sun_path) - 1));
		if (fd < 0 || connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
			return -1;
		return take_fd(&fd);
	}
	return -1;
}

/* Asks and waits a second. False: no answer; *msg is as it was. */
static bool ask(const char *vmname, struct monitor_message *msg)
{
	auto_close int fd = connect_vm(vmname);
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	struct monitor_message answer;

	msg->magic = MONITOR_MAGIC;
	msg->timestamp = (uint64_t)time(NULL);
	if (fd < 0 || send(fd, msg, sizeof(*msg), MSG_NOSIGNAL) != sizeof(*msg) ||
	    poll(&pfd, 1, ACK_TIMEOUT_MS) <= 0 ||
	    recv(fd, &answer, sizeof(answer), MSG_WAITALL) != sizeof(answer))
		return false;
	*msg = answer;
	return true;
}

static unsigned scan(struct found *vms)
{
	auto_dir DIR *dir = NULL;
	char path[1024];
	struct dirent *entry;
	unsigned n = 0;

	(void)snprintf(path, sizeof(path), "%s/mngr", set.run_dir);
	dir = opendir(path);
	while (dir && n < VMS_MAX && (entry = readdir(dir))) {
		struct monitor_message msg = { .msgid = set.profile->msg_query };

		if (!monitor_name(entry->d_name, vms[n].name))
			continue;
		vms[n].answers = ask(vms[n].name, &msg);
		n++;
	}
	return n;
}

/* A socket is enough to be there: a dead VM's counts as well. */
static bool is_known(const char *vmname)
{
	struct found vms[VMS_MAX];
	unsigned n = scan(vms);

	for (unsigned i = 0; i < n; i++)
		if (!strcmp(vms[i].name, vmname))
			return true;
	(void)printf("can't find %s\n", vmname);
	return false;
}

static int cmd_list(int argc, char **argv)
{
	struct found vms[VMS_MAX];
	unsigned n = scan(vms);

	(void)argc;
	(void)argv;
	if (n == 0)
		(void)printf("There are no VMs\n");
	for (unsigned i = 0; i < n; i++)
		(void)printf("%s\t\tstarted\n", vms[i].name);
	return 0;
}

static int cmd_stop(int argc, char **argv)
{
	struct monitor_message msg = { .msgid = MONITOR_STOP };
	const char *vmname = NULL;

	for (int i = 1; i < argc; i++) {
		if (set.profile->ctl_force &&
		    (!strcmp(argv[i], "-f") || !strcmp(argv[i], "--force")))
			msg.stop.force = 1;
		else
			vmname = argv[i];
	}
	if (!vmname || !is_known(vmname))
		return FAILED;
	if (ask(vmname, &msg) && msg.err == 0)
		return 0;
	(void)printf("Error happens when try to stop vm. errno(%d)\n", -1);
	return FAILED;
}

static int cmd_blkrescan(int argc, char **argv)
{
	struct monitor_message msg = { .msgid = set.profile->msg_rescan };

	if (argc != 3 || !is_known(argv[1]))
		return FAILED;
	(void)snprintf(msg.devargs, sizeof(msg.devargs), "%s", argv[2]);
	if (!ask(argv[1], &msg) || msg.err != 0)
		(void)printf("Unable to rescan virtio-blk device in vm. errno(%d)\n", -1);
	/* whatever happened */
	return 0;
}

static int send_plain(int argc, char **argv, uint32_t msgid)
{
	struct monitor_message msg = { .msgid = msgid };

	if (argc != 2 || !is_known(argv[1]))
		return FAILED;
	return ask(argv[1], &msg) && msg.err == 0 ? 0 : FAILED;
}

static int cmd_pause(int argc, char **argv)
{
	return send_plain(argc, argv, set.profile->msg_pause);
}

static int cmd_continue(int argc, char **argv)
{
	return send_plain(argc, argv, set.profile->msg_continue);
}

static int cmd_suspend(int argc, char **argv)
{
	return send_plain(argc, argv, MONITOR_SUSPEND);
}

static int cmd_resume(int argc, char **argv)
{
	return send_plain(argc, argv, MONITOR_RESUME);
}

static const struct {
	const char *name;
	unsigned until; /* the release it went with; 0: still there */
	int (*fn)(int argc, char **argv);
} commands[] = {
	{ "list", 0, cmd_list },
	{ "stop", 0, cmd_stop },
	{ "blkrescan", 0, cmd_blkrescan },
	{ "pause", DM_RELEASE(2, 0, 0), cmd_pause },
	{ "continue", DM_RELEASE(2, 0, 0), cmd_continue },
	{ "suspend", DM_RELEASE(3, 0, 0), cmd_suspend },
	{ "resume", DM_RELEASE(3, 0, 0), cmd_resume },
};

int main(int argc, char **argv)
{
	struct error err = { 0 };

	if (settings_load(&set, argv[0], getenv("ACRN_STANDIN"), &err) < 0) {
		(void)fprintf(stderr, "acrnctl (stand-in): %s\n", err.text);
		return FAILED;
	}
	if (geteuid() != 0)
		return FAILED;
	for (size_t i = 0; argc > 1 && i < sizeof(commands) / sizeof(commands[0]); i++) {
		unsigned until = commands[i].until;

		if (!strcmp(commands[i].name, argv[1]) &&
		    (until == 0 || set.profile->release < until)) {
			int ret = commands[i].fn(argc - 1, argv + 1);

			settings_done(&set);
			return ret;
		}
	}
	(void)printf("usage: acrnctl list | stop [-f] VM | blkrescan VM SLOT,FILE[,OPTIONS]\n");
	return FAILED;
}
