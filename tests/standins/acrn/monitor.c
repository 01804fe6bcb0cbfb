#include "tests/standins/acrn/monitor.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/sock.h"

static void drop(struct monitor *mon, int fd)
{
	loop_remove_fd(mon->vm->loop, fd);
	(void)close(fd);
	for (unsigned i = 0; i < MONITOR_CLIENTS; i++)
		if (mon->clients[i] == fd)
			mon->clients[i] = -1;
}

static int stop(struct vm *vm, bool force, bool *off)
{
	*off = force;
	if (force)
		return 0;
	/* nobody listens for the wish, unless a notify channel does */
	return vm->cfg->power_button ? vm_press_power(vm) : -1;
}

/* Answers in place. False: the message is not known, and there is no answer. */
static bool handle(struct vm *vm, struct monitor_message *msg, bool *off)
{
	const struct dm_profile *profile = vm->cfg->profile;
	uint32_t id = msg->msgid;

	if (id == MONITOR_STOP)
		msg->err = stop(vm, msg->stop.force != 0, off);
	else if (id == profile->msg_query)
		msg->state = 0;
	else if (id == profile->msg_rescan) {
		msg->devargs[MONITOR_ARGS - 1] = '\0';
		msg->err = vm_rescan(vm, msg->devargs);
	} else if (profile->msg_pause && id == profile->msg_pause)
		msg->err = vm_set_paused(vm, true);
	else if (profile->msg_continue && id == profile->msg_continue)
		msg->err = vm_set_paused(vm, false);
	else if (id == MONITOR_SUSPEND || id == MONITOR_RESUME)
		msg->err = -1;
	else
		return false;
	return true;
}

static void on_message(void *arg, int fd, uint32_t events)
{
	struct monitor *mon = arg;
	struct monitor_message msg;
	ssize_t n = recv(fd, &msg, sizeof(msg), MSG_DONTWAIT);
	bool off = false;

	(void)events;
	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		drop(mon, fd);
		return;
	}
	if (n != sizeof(msg) || msg.magic != MONITOR_MAGIC) {
		dm_fault(mon->vm->cfg, "monitor: %zd bytes that are no message", n);
		return;
	}
	if (!handle(mon->vm, &msg, &off)) {
		dm_fault(mon->vm->cfg, "monitor: message %u is not known", msg.msgid);
		return;
	}
	(void)send(fd, &msg, sizeof(msg), MSG_NOSIGNAL | MSG_DONTWAIT);
	if (off)
		vm_power_off(mon->vm);
}

static void on_client(void *arg, int fd, uint32_t events)
{
	struct monitor *mon = arg;
	auto_close int client = sock_accept(fd, true);

	(void)events;
	for (unsigned i = 0; client >= 0 && i < MONITOR_CLIENTS; i++) {
		if (mon->clients[i] >= 0)
			continue;
		if (loop_add_fd(mon->vm->loop, client, EPOLLIN, on_message, mon) == 0)
			mon->clients[i] = take_fd(&client);
		return;
	}
}

/* The folders are made with no right to enter them, as there; root may all the same. */
static int make_folder(const char *path)
{
	return mkdir(path, 0666) < 0 && errno != EEXIST ? -errno : 0;
}

int monitor_open(struct monitor *mon, struct vm *vm)
{
	char folder[DM_SUN_PATH];
	char path[1024];
	int ret = make_folder(vm->set->run_dir);

	mon->vm = vm;
	mon->listen_fd = -1;
	for (unsigned i = 0; i < MONITOR_CLIENTS; i++)
		mon->clients[i] = -1;
	if (snprintf(folder, sizeof(folder), "%s/mngr", vm->set->run_dir) >= (int)sizeof(folder))
		return -ENAMETOOLONG;
	if (ret == 0)
		ret = make_folder(folder);
	if (ret < 0)
		return ret;
	(void)snprintf(path, sizeof(path), "%s/%s.monitor.%d.socket", folder, vm->cfg->vmname,
		       (int)getpid());
	if (strlen(path) >= sizeof(mon->path))
		dm_fault(vm->cfg, "monitor: '%s' is cut to %d bytes", path, DM_SUN_PATH - 1);
	memcpy(mon->path, path, strnlen(path, sizeof(mon->path) - 1));
	mon->listen_fd = relay_listen(mon->path, MONITOR_CLIENTS);
	if (mon->listen_fd < 0)
		return mon->listen_fd;
	return loop_add_fd(vm->loop, mon->listen_fd, EPOLLIN, on_client, mon);
}

void monitor_close(struct monitor *mon)
{
	if (!mon->vm || mon->listen_fd < 0)
		return;
	for (unsigned i = 0; i < MONITOR_CLIENTS; i++)
		if (mon->clients[i] >= 0)
			drop(mon, mon->clients[i]);
	loop_remove_fd(mon->vm->loop, mon->listen_fd);
	cleanup_close(&mon->listen_fd);
	(void)unlink(mon->path);
}
