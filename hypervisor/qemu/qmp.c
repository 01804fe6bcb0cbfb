#include "hypervisor/qemu/qmp.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/sock.h"

enum { READ_CHUNK = 4096, MESSAGE_DEPTH = 64, MESSAGE_VALUES = 1 << 16 };

struct qmp_error {
	const char *class_name;
	const char *desc;
};

/* Every message of QEMU's: greeting, reply or event. */
struct qmp_message {
	const char *greeting;
	const char *result;
	struct qmp_error *error;
	struct opt_u64 id;
	const char *event;
	const char *data;
};

static const struct json_row error_rows[] = {
	{ .name = "class", .kind = JSON_STR, .offset = offsetof(struct qmp_error, class_name) },
	{ .name = "desc", .kind = JSON_STR, .offset = offsetof(struct qmp_error, desc) },
};
static const struct json_type error_type = JSON_TYPE(qmp_error, error_rows);

static const struct json_row message_rows[] = {
	{ .name = "QMP", .kind = JSON_RAW, .offset = offsetof(struct qmp_message, greeting) },
	{ .name = "return", .kind = JSON_RAW, .offset = offsetof(struct qmp_message, result) },
	{ .name = "error",
	  .kind = JSON_OBJ_PTR,
	  .offset = offsetof(struct qmp_message, error),
	  .type = &error_type },
	{ .name = "id", .kind = JSON_OPT_U64, .offset = offsetof(struct qmp_message, id) },
	{ .name = "event", .kind = JSON_STR, .offset = offsetof(struct qmp_message, event) },
	{ .name = "data", .kind = JSON_RAW, .offset = offsetof(struct qmp_message, data) },
};
static const struct json_type message_type = JSON_TYPE(qmp_message, message_rows);

static const struct {
	const char *class_name;
	int code;
} error_classes[] = {
	{ "CommandNotFound", -ENOSYS },
	{ "DeviceNotActive", -EBUSY },
	{ "DeviceNotFound", -ENODEV },
};

static int error_code(const char *class_name)
{
	for (size_t i = 0; i < sizeof(error_classes) / sizeof(error_classes[0]); i++)
		if (class_name && !strcmp(error_classes[i].class_name, class_name))
			return error_classes[i].code;
	return -EREMOTEIO;
}

static int wait_for(int fd, short events, int64_t until)
{
	for (;;) {
		struct pollfd pfd = { .fd = fd, .events = events };
		int64_t left = until - clock_now_ms();
		int n = poll(&pfd, 1, left > 0 ? (int)left : 0);

		if (n > 0)
			return 0;
		if (n == 0)
			return -ETIMEDOUT;
		if (errno != EINTR)
			return -errno;
	}
}

/* Half a command sent would garble the next one: any failure breaks the connection. */
static int send_all(struct qmp *qmp, const char *text, size_t len, int64_t until)
{
	while (len > 0) {
		ssize_t n = send(qmp->fd, text, len, MSG_NOSIGNAL | MSG_DONTWAIT);
		int ret = 0;

		if (n >= 0) {
			text += n;
			len -= (size_t)n;
			continue;
		}
		if (errno == EAGAIN)
			ret = wait_for(qmp->fd, POLLOUT, until);
		else if (errno != EINTR)
			ret = errno == EPIPE ? -ECONNRESET : -errno;
		if (ret < 0) {
			qmp->broken = true;
			return ret;
		}
	}
	return 0;
}

/* Reads what is there into the buffer: 0, -EAGAIN, -ECONNRESET, -EMSGSIZE, ... */
static int read_more(struct qmp *qmp)
{
	char *room = strbuf_reserve(&qmp->in, READ_CHUNK);
	ssize_t n;

	if (!room)
		return strbuf_error(&qmp->in) == -E2BIG ? -EMSGSIZE : -ENOMEM;
	do {
		n = recv(qmp->fd, room, READ_CHUNK, MSG_DONTWAIT);
	} while (n < 0 && errno == EINTR);
	if (n == 0)
		return -ECONNRESET;
	if (n < 0)
		return -errno;
	strbuf_grown(&qmp->in, (size_t)n);
	return 0;
}

/* Messages are lines. Decodes the first one in the buffer: 1, 0 when none is complete, -EBADMSG. */
static int next_message(struct qmp *qmp, struct arena *arena, struct qmp_message *msg)
{
	static const struct json_limits limits = {
		.max_depth = MESSAGE_DEPTH,
		.max_bytes = QMP_MESSAGE_MAX,
		.max_values = MESSAGE_VALUES,
	};
	struct error ignored;
	const char *end;
	size_t len;
	int ret;

	end = qmp->in.len ? memchr(qmp->in.data, '\n', qmp->in.len) : NULL;
	if (!end)
		return 0;
	len = (size_t)(end - qmp->in.data);
	ret = json_decode(&message_type, qmp->in.data, len, &limits, arena, msg, &ignored);
	strbuf_consume(&qmp->in, len + 1);
	return ret < 0 ? -EBADMSG : 1;
}

static void report_event(const struct qmp *qmp, const struct qmp_message *msg)
{
	if (qmp->on_event)
		qmp->on_event(qmp->event_arg, msg->event, msg->data ? msg->data : "{}");
}

/* The next message; an event has been handed out already. */
static int receive_any(struct qmp *qmp, struct arena *arena, struct qmp_message *msg, int64_t until)
{
	for (;;) {
		int ret = next_message(qmp, arena, msg);

		if (ret > 0) {
			if (msg->event)
				report_event(qmp, msg);
			return 0;
		}
		if (ret == 0)
			ret = read_more(qmp);
		if (ret == -EAGAIN)
			ret = wait_for(qmp->fd, POLLIN, until);
		if (ret < 0) {
			qmp->broken = ret != -ETIMEDOUT;
			return ret;
		}
	}
}

/* The next message that is no event; those are handed out on the way. */
static int receive(struct qmp *qmp, struct arena *arena, struct qmp_message *msg, int64_t until)
{
	for (;;) {
		int ret = receive_any(qmp, arena, msg, until);

		if (ret < 0 || !msg->event)
			return ret;
		arena_done(arena);
		/* A stream of events without end is no reply either. */
		if (clock_now_ms() > until)
			return -ETIMEDOUT;
	}
}

static int explain(int code, const char *doing, struct error *err)
{
	switch (code) {
	case -ETIMEDOUT:
		return err_set(err, code, "QEMU did not answer %s in time", doing);
	case -ECONNRESET:
		return err_set(err, code, "QEMU closed its control socket during %s", doing);
	case -EMSGSIZE:
		return err_msg(err, code, "QEMU answers %s with more than %d bytes", doing,
			       QMP_MESSAGE_MAX);
	case -EINVAL:
		return err_msg(err, code, "the arguments of %s for QEMU are no JSON", doing);
	case -EBADMSG:
		return err_msg(err, code, "QEMU answers %s with something that is no message",
			       doing);
	default:
		return err_set(err, code, "talk to QEMU about %s", doing);
	}
}

static int refused(const struct qmp_message *msg, const char *command, struct error *err)
{
	const char *desc = msg->error->desc ? msg->error->desc : "no reason given";

	return err_msg(err, error_code(msg->error->class_name), "QEMU refuses %s: %s", command,
		       desc);
}

/* A line that is no JSON would be answered by any number of errors: it is not sent. */
static int build_command(struct strbuf *out, const char *command, const char *arguments,
			 uint64_t id)
{
	auto_arena struct arena arena = { 0 };
	struct qmp_message parsed;
	struct error ignored;

	(void)strbuf_adds(out, "{\"execute\":");
	(void)json_quote(out, command);
	if (arguments)
		(void)strbuf_addf(out, ",\"arguments\":%s", arguments);
	(void)strbuf_addf(out, ",\"id\":%llu}\n", (unsigned long long)id);
	if (strbuf_error(out) < 0)
		return strbuf_error(out);
	return json_decode(&message_type, out->data, out->len, NULL, &arena, &parsed, &ignored) < 0
		       ? -EINVAL
		       : 0;
}

/* Sends a command; with fd >= 0 that descriptor goes along with the first byte. */
static int send_command(struct qmp *qmp, const char *command, const char *arguments, int fd,
			int64_t until)
{
	auto_strbuf struct strbuf out = { 0 };
	int ret = build_command(&out, command, arguments, ++qmp->last_id);

	if (ret < 0)
		return ret;
	if (fd < 0)
		return send_all(qmp, strbuf_str(&out), out.len, until);
	ret = sock_send_fd(qmp->fd, fd, strbuf_str(&out));
	if (ret < 0)
		qmp->broken = true;
	return ret;
}

static int execute(struct qmp *qmp, const char *command, const char *arguments, int fd,
		   int timeout_ms, struct strbuf *result, struct error *err)
{
	auto_arena struct arena arena = { 0 };
	int64_t until = clock_now_ms() + timeout_ms;
	struct qmp_message msg = { 0 };
	int ret;

	if (qmp->broken)
		return err_msg(err, -ENOTCONN, "the connection to QEMU is broken");
	ret = send_command(qmp, command, arguments, fd, until);
	/* An error without id is about a command that QEMU could not even parse; any other id is a
	 * late reply. */
	while (ret == 0) {
		ret = receive(qmp, &arena, &msg, until);
		if (ret < 0 || (msg.id.set ? msg.id.value == qmp->last_id : msg.error != NULL))
			break;
		arena_done(&arena);
	}
	if (ret < 0)
		return explain(ret, command, err);
	if (!msg.id.set)
		qmp->broken = true;
	if (msg.error)
		return refused(&msg, command, err);
	if (!result)
		return 0;
	strbuf_clear(result);
	ret = strbuf_adds(result, msg.result ? msg.result : "{}");
	return ret < 0 ? err_set(err, ret, "keep QEMU's answer to %s", command) : 0;
}

int qmp_execute(struct qmp *qmp, const char *command, const char *arguments, int timeout_ms,
		struct strbuf *result, struct error *err)
{
	return execute(qmp, command, arguments, -1, timeout_ms, result, err);
}

int qmp_give_fd(struct qmp *qmp, int fd, const char *name, int timeout_ms, struct error *err)
{
	auto_strbuf struct strbuf arguments = { 0 };

	(void)strbuf_adds(&arguments, "{\"fdname\":");
	(void)json_quote(&arguments, name);
	(void)strbuf_addc(&arguments, '}');
	if (strbuf_error(&arguments) < 0)
		return err_set(err, strbuf_error(&arguments), "name a descriptor for QEMU");
	return execute(qmp, "getfd", strbuf_str(&arguments), fd, timeout_ms, NULL, err);
}

int qmp_wait_event(struct qmp *qmp, const bool *done, int timeout_ms, const char *doing,
		   struct error *err)
{
	auto_arena struct arena arena = { 0 };
	int64_t until = clock_now_ms() + timeout_ms;
	struct qmp_message msg;

	if (qmp->broken)
		return err_msg(err, -ENOTCONN, "the connection to QEMU is broken");
	while (!*done) {
		/* A reply here is a late one: it is dropped. */
		int ret = receive_any(qmp, &arena, &msg, until);

		arena_done(&arena);
		if (ret == 0 && !*done && clock_now_ms() > until)
			ret = -ETIMEDOUT;
		if (ret < 0)
			return explain(ret, doing, err);
	}
	return 0;
}

int qmp_poll_events(struct qmp *qmp, struct error *err)
{
	auto_arena struct arena arena = { 0 };
	struct qmp_message msg;
	int ret;

	if (qmp->broken)
		return err_msg(err, -ENOTCONN, "the connection to QEMU is broken");
	/* A reply here is a late one: receive() returns it, and it is dropped. */
	do {
		ret = receive(qmp, &arena, &msg, clock_now_ms());
		arena_done(&arena);
	} while (ret == 0);
	return ret == -ETIMEDOUT ? 0 : explain(ret, "events", err);
}

int qmp_open(struct qmp *qmp, int fd, int timeout_ms, struct error *err)
{
	auto_arena struct arena arena = { 0 };
	int64_t until = clock_now_ms() + timeout_ms;
	struct qmp_message msg;
	int64_t left;
	int ret;

	qmp->fd = fd;
	qmp->broken = false;
	qmp->last_id = 0;
	qmp->in = (struct strbuf){ .max = QMP_MESSAGE_MAX };
	ret = receive(qmp, &arena, &msg, until);
	if (ret == 0 && !msg.greeting)
		ret = -EBADMSG;
	if (ret < 0) {
		ret = explain(ret, "the greeting", err);
	} else {
		left = until - clock_now_ms();
		ret = qmp_execute(qmp, "qmp_capabilities", NULL, left > 0 ? (int)left : 0, NULL,
				  err);
	}
	if (ret < 0)
		qmp_close(qmp);
	return ret;
}

int qmp_connect(struct qmp *qmp, int dir, const char *name, int timeout_ms, struct error *err)
{
	int fd = sock_connect_at(dir, name);

	if (fd < 0) {
		qmp->fd = -1;
		qmp->broken = true;
		return err_set(err, fd, "connect to QEMU's control socket '%s'", name);
	}
	return qmp_open(qmp, fd, timeout_ms, err);
}

void qmp_close(struct qmp *qmp)
{
	/* 0 is a struct that was never opened: nothing of ours is descriptor 0. */
	if (qmp->fd > 0)
		cleanup_close(&qmp->fd);
	qmp->fd = -1;
	qmp->broken = true;
	strbuf_done(&qmp->in);
}
