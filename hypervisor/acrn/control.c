#include "hypervisor/acrn/control.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/parse.h"
#include "base/sock.h"
#include "base/spawn.h"
#include "base/strbuf.h"

enum {
	REPLY_MAX = 4096,
	MONITOR_ARGS = 256,
	ACRNCTL_OUTPUT_MAX = 1024,
};

#define MONITOR_MAGIC 0x67736d206d6d76ULL

/* The one message of the monitor's protocol, each way, in the host's byte order. */
struct monitor_message {
	uint64_t magic;
	uint32_t msgid;
	uint32_t pad;
	uint64_t timestamp;
	union {
		char args[MONITOR_ARGS];
		int32_t error;
	};
};

_Static_assert(sizeof(struct monitor_message) == 280, "the message has a fixed size");

static int send_all(int fd, const void *data, size_t len)
{
	const char *at = data;

	while (len > 0) {
		ssize_t n = send(fd, at, len, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		at += n;
		len -= (size_t)n;
	}
	return 0;
}

/* More of an answer, before end_ms. Descriptors that come along are dropped by the kernel. */
static ssize_t recv_some(int fd, void *out, size_t max, int64_t end_ms)
{
	for (;;) {
		int64_t left = end_ms - clock_now_ms();
		int ready = sock_wait_readable(fd, left > 0 ? (int)left : 0);
		ssize_t n;

		if (ready < 0)
			return ready;
		if (ready == 0)
			return -ETIMEDOUT;
		n = recv(fd, out, max, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		return n > 0 ? n : -ECONNRESET;
	}
}

/* --- JSON, from 3.0 on --- */

struct json_reply {
	struct opt_i32 ack;
};

static const struct json_row reply_rows[] = {
	{ .name = "ack", .kind = JSON_OPT_I32, .offset = offsetof(struct json_reply, ack) },
};
static const struct json_type reply_type = JSON_TYPE(json_reply, reply_rows);

/* The answer has no end mark: it is complete when it is a document. */
static int read_ack(int fd, int64_t end_ms, int32_t *ack)
{
	static const struct json_limits limits = { .max_depth = 4, .max_bytes = REPLY_MAX };
	char text[REPLY_MAX];
	size_t len = 0;

	while (len < sizeof(text)) {
		auto_arena struct arena arena = { 0 };
		struct json_reply reply;
		ssize_t n = recv_some(fd, text + len, sizeof(text) - len, end_ms);

		if (n < 0)
			return (int)n;
		len += (size_t)n;
		while (len > 0 && text[len - 1] == '\0')
			len--;
		if (json_decode(&reply_type, text, len, &limits, &arena, &reply, NULL) < 0)
			continue;
		*ack = reply.ack.value;
		return reply.ack.set ? 0 : -EBADMSG;
	}
	return -EBADMSG;
}

static int rescan_json(const struct acrn_control *control, const char *argument, struct error *err)
{
	auto_close int fd = sock_connect_at(control->dir_fd, control->socket);
	auto_strbuf struct strbuf request = { 0 };
	int32_t ack = 0;
	int ret;

	if (fd < 0)
		return err_set(err, fd, "connect to the device model's '%s'", control->socket);
	(void)strbuf_adds(&request, "{\"command\":\"blkrescan\",\"arguments\":");
	(void)json_quote(&request, argument);
	(void)strbuf_adds(&request, "}");
	ret = strbuf_error(&request);
	if (ret == 0)
		ret = send_all(fd, request.data, request.len);
	if (ret == 0)
		ret = read_ack(fd, clock_now_ms() + control->timeout_ms, &ack);
	if (ret < 0)
		return err_set(err, ret, "have the device model open '%s'", argument);
	if (ack == 0)
		return 0;
	return err_msg(err, -EREMOTEIO, "the device model refuses to open '%s' (%d)", argument,
		       ack);
}

/* --- the monitor's messages --- */

static int read_message(int fd, int64_t end_ms, struct monitor_message *message)
{
	char *at = (char *)message;
	size_t got = 0;

	while (got < sizeof(*message)) {
		ssize_t n = recv_some(fd, at + got, sizeof(*message) - got, end_ms);

		if (n < 0)
			return (int)n;
		got += (size_t)n;
	}
	return message->magic == MONITOR_MAGIC ? 0 : -EBADMSG;
}

/* An answer to something else is not ours to read. */
static int call_monitor(int fd, struct monitor_message *message, int timeout_ms)
{
	const struct monitor_message request = *message;
	int64_t end_ms = clock_now_ms() + timeout_ms;
	int ret = send_all(fd, &request, sizeof(request));

	while (ret == 0) {
		ret = read_message(fd, end_ms, message);
		if (ret == 0 && message->msgid == request.msgid &&
		    message->timestamp == request.timestamp)
			return 0;
	}
	return ret;
}

/* The exact path is known: no search that could find the socket of another VM. */
static int connect_monitor(const struct acrn_control *control)
{
	auto_strbuf struct strbuf path = { 0 };
	int ret;

	(void)strbuf_addf(&path, "%s/%s.monitor.%d.socket", control->monitors, control->name,
			  (int)control->pid);
	ret = strbuf_error(&path);
	return ret < 0 ? ret : sock_connect_at(AT_FDCWD, path.data);
}

static int rescan_monitor(const struct acrn_control *control, int fd, const char *argument,
			  struct error *err)
{
	struct monitor_message message = {
		.magic = MONITOR_MAGIC,
		.msgid = control->profile->monitor_rescan,
		.timestamp = (uint64_t)clock_now_us(),
	};
	size_t len = strlen(argument);
	int ret = -E2BIG;

	if (len < sizeof(message.args)) {
		memcpy(message.args, argument, len);
		ret = call_monitor(fd, &message, control->timeout_ms);
	}
	if (ret < 0)
		return err_set(err, ret, "have the device model open '%s'", argument);
	if (message.error == 0)
		return 0;
	return err_msg(err, -EREMOTEIO, "the device model refuses to open '%s' (%d)", argument,
		       message.error);
}

/* --- acrnctl --- */

/* It takes the first socket whose name ours begins with. */
static int check_unmistakable(const struct acrn_control *control, struct error *err)
{
	auto_dir DIR *dir = opendir(control->monitors);
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		const char *end = strstr(entry->d_name, ".monitor.");
		size_t len = end ? (size_t)(end - entry->d_name) : 0;

		if (len > 0 && len < strlen(control->name) &&
		    !strncmp(entry->d_name, control->name, len))
			return err_msg(err, -EEXIST,
				       "acrnctl would take virtual machine '%.*s' for '%s'",
				       (int)len, entry->d_name, control->name);
	}
	return 0;
}

/* Its exit status says nothing: what it prints does. */
static int rescan_acrnctl(const struct acrn_control *control, const char *argument,
			  struct error *err)
{
	const char *const argv[] = { control->acrnctl, "blkrescan", control->name, argument, NULL };
	static const char *const env[] = { "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C", NULL };
	const struct spawn sp = {
		.path = control->acrnctl, .argv = argv, .envp = env, .cwd = "/", .setsid = true
	};
	auto_strbuf struct strbuf output = { 0 };
	int code = 0;
	int ret = check_unmistakable(control, err);

	if (ret < 0)
		return ret;
	ret = spawn_run(&sp, NULL, 0, &output, ACRNCTL_OUTPUT_MAX, control->timeout_ms, &code, err);
	if (ret < 0)
		return err_ctx(err, "have the device model open '%s'", argument);
	while (output.len > 0 && output.data[output.len - 1] == '\n')
		output.data[--output.len] = '\0';
	if (code == 0 && output.len == 0)
		return 0;
	return err_msg(err, -EIO, "'%s blkrescan %s %s' failed (%d): %s", control->acrnctl,
		       control->name, argument, code, strbuf_str(&output));
}

/* --- */

static int rescan_old(const struct acrn_control *control, const char *argument, struct error *err)
{
	auto_close int fd = connect_monitor(control);

	if (fd >= 0)
		return rescan_monitor(control, fd, argument, err);
	if (control->acrnctl && *control->acrnctl) {
		log_debug("the monitor of '%s' cannot be reached (%s): trying '%s'", control->name,
			  strerror(-fd), control->acrnctl);
		return rescan_acrnctl(control, argument, err);
	}
	return err_set(err, fd, "connect to the monitor of virtual machine '%s' in '%s'",
		       control->name, control->monitors);
}

int control_rescan(const struct acrn_control *control, uint32_t slot, const char *path,
		   bool readonly, struct error *err)
{
	auto_strbuf struct strbuf argument = { 0 };
	int ret;

	(void)strbuf_addf(&argument, "%u,%s%s", slot, path, readonly ? ",ro" : "");
	ret = strbuf_error(&argument);
	if (ret < 0)
		return err_set(err, ret, "name disk '%s'", path);
	if (argument.len > control->profile->rescan_max)
		return err_msg(err, -ENAMETOOLONG,
			       "disk '%s': ACRN %s takes paths of at most %zu bytes", path,
			       control->profile->name,
			       control->profile->rescan_max - (argument.len - strlen(path)));
	if (control->profile->cmd_monitor)
		return rescan_json(control, argument.data, err);
	return rescan_old(control, argument.data, err);
}

/* "NAME.monitor.PID.socket" */
static bool parse_socket_name(const char *entry, const char *name, pid_t *pid)
{
	static const char middle[] = ".monitor.", end[] = ".socket";
	const char *at = strstr(entry, middle);
	char digits[12];
	size_t len;
	uint32_t number;

	if (!at || (name && (strlen(name) != (size_t)(at - entry) ||
			     strncmp(entry, name, (size_t)(at - entry)) != 0)))
		return false;
	at += sizeof(middle) - 1;
	len = strspn(at, "0123456789");
	if (len == 0 || len >= sizeof(digits) || strcmp(at + len, end) != 0)
		return false;
	memcpy(digits, at, len);
	digits[len] = '\0';
	if (parse_u32(digits, &number) < 0)
		return false;
	*pid = (pid_t)number;
	return true;
}

void control_sweep(const char *monitors, const char *name, pid_t pid)
{
	auto_dir DIR *dir = opendir(monitors);
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		uint64_t start;
		pid_t owner;

		if (!parse_socket_name(entry->d_name, name, &owner) || (pid && owner != pid))
			continue;
		if (proc_start_time(owner, &start) == -ESRCH &&
		    unlinkat(dirfd(dir), entry->d_name, 0) == 0)
			log_debug("removed '%s/%s' of a device model that is gone", monitors,
				  entry->d_name);
	}
}
