#include "tests/standins/acrn/monitor.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "base/sock.h"

enum { TEXT_MAX = 4095, ARGUMENT_MAX = 319 };

struct command {
	const char *command;
	const char *arguments;
};

static const struct json_row command_rows[] = {
	{ .name = "command", .kind = JSON_STR, .offset = offsetof(struct command, command) },
	{ .name = "arguments", .kind = JSON_RAW, .offset = offsetof(struct command, arguments) },
};
static const struct json_type command_type = JSON_TYPE(command, command_rows);

static void on_listen(void *arg, int fd, uint32_t events);

static void drop(struct cmd_monitor *mon)
{
	if (mon->client_fd < 0)
		return;
	loop_remove_fd(mon->vm->loop, mon->client_fd);
	cleanup_close(&mon->client_fd);
	/* now the next one may come */
	(void)!loop_set_events(mon->vm->loop, mon->listen_fd, EPOLLIN);
}

/* The argument of blkrescan: a JSON text without escapes that matter. */
static int rescan(struct cmd_monitor *mon, const char *raw)
{
	char text[ARGUMENT_MAX + 1];
	size_t len = raw ? strlen(raw) : 0;

	if (len < 2 || raw[0] != '"' || len - 2 > ARGUMENT_MAX)
		return -1;
	if (memchr(raw, '\\', len))
		return -1;
	memcpy(text, raw + 1, len - 2);
	text[len - 2] = '\0';
	return vm_rescan(mon->vm, text);
}

/* -EINVAL: no answer at all. */
static int handle(struct cmd_monitor *mon, const struct command *cmd, bool *off)
{
	if (!cmd->command)
		return -EINVAL;
	if (!strcmp(cmd->command, "blkrescan"))
		return rescan(mon, cmd->arguments);
	*off = !strcmp(cmd->command, "destroy");
	return *off || !strcmp(cmd->command, "register_vm_event_client") ? 0 : -EINVAL;
}

static void on_text(void *arg, int fd, uint32_t events)
{
	auto_arena struct arena arena = { 0 };
	struct cmd_monitor *mon = arg;
	struct command cmd;
	struct error err;
	char text[TEXT_MAX + 1];
	bool off = false;
	ssize_t n = recv(fd, text, sizeof(text), MSG_DONTWAIT);
	int ret;

	(void)events;
	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		drop(mon);
		return;
	}
	ret = n > TEXT_MAX ? -EINVAL
			   : json_decode(&command_type, text, (size_t)n, NULL, &arena, &cmd, &err);
	if (ret == 0)
		ret = handle(mon, &cmd, &off);
	if (ret != 0 && ret != -1) {
		dm_fault(mon->vm->cfg, "cmd_monitor: %zd bytes without an answer", n);
		return;
	}
	/* With a copy of this very connection, whatever that was meant to be. */
	(void)!sock_send_fd(fd, fd, ret == 0 ? "{\n\t\"ack\":\t0\n}" : "{\n\t\"ack\":\t-1\n}");
	if (off)
		vm_power_off(mon->vm);
}

static void on_listen(void *arg, int fd, uint32_t events)
{
	struct cmd_monitor *mon = arg;
	int client = sock_accept(fd, true);

	(void)events;
	if (client < 0)
		return;
	mon->client_fd = client;
	(void)!loop_set_events(mon->vm->loop, fd, 0);
	if (loop_add_fd(mon->vm->loop, client, EPOLLIN, on_text, mon) < 0)
		cleanup_close(&mon->client_fd);
}

int cmd_monitor_open(struct cmd_monitor *mon, struct vm *vm)
{
	mon->vm = vm;
	mon->listen_fd = mon->client_fd = -1;
	mon->path = vm->cfg->cmd_monitor;
	if (!mon->path)
		return 0;
	if (strlen(mon->path) >= DM_SUN_PATH)
		return -ENAMETOOLONG;
	mon->listen_fd = relay_listen(mon->path, 1);
	if (mon->listen_fd < 0)
		return mon->listen_fd;
	return loop_add_fd(vm->loop, mon->listen_fd, EPOLLIN, on_listen, mon);
}

void cmd_monitor_close(struct cmd_monitor *mon)
{
	if (!mon->vm || mon->listen_fd < 0)
		return;
	drop(mon);
	loop_remove_fd(mon->vm->loop, mon->listen_fd);
	cleanup_close(&mon->listen_fd);
	(void)unlink(mon->path);
}
