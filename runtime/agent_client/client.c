#include "runtime/agent_client/client.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include "base/arena.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/sock.h"

enum { SEND_TIMEOUT_S = 30 };

struct error_reply {
	const char *msg;
};

static const struct json_row error_reply_rows[] = {
	{ .name = "msg", .kind = JSON_STR, .offset = offsetof(struct error_reply, msg) },
};
static const struct json_type error_reply_type = JSON_TYPE(error_reply, error_reply_rows);

int client_open(struct client *client, int dir_fd, const char *name, struct error *err)
{
	const struct timeval timeout = { .tv_sec = SEND_TIMEOUT_S };
	int fd = sock_connect_at(dir_fd, name);

	*client = (struct client){ .fd = -1,
				   .interrupt_fd = -1,
				   .in = { .max = CCPROXY_PAYLOAD_MAX + 65536 } };
	if (fd < 0)
		return err_set(err, fd, "connect to the sandbox's proxy");
	client->fd = fd;
	/* A proxy that takes nothing any more must not hold us and the container's lock for ever.
	 */
	if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout)) < 0)
		return err_set(err, -errno, "limit the time of sending to the sandbox's proxy");
	return 0;
}

void client_close(struct client *client)
{
	if (!client)
		return;
	cleanup_close(&client->fd);
	strbuf_done(&client->in);
}

bool client_is_lost(int code)
{
	return code == -ECONNRESET || code == -EPIPE;
}

static int send_all(int fd, const char *data, size_t len)
{
	while (len > 0) {
		ssize_t n = send(fd, data, len, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? -ETIMEDOUT : -errno;
		data += n;
		len -= (size_t)n;
	}
	return 0;
}

int client_send(struct client *client, enum ccproxy_command command, const char *json,
		struct error *err)
{
	auto_strbuf struct strbuf frame = { .max = CCPROXY_PAYLOAD_MAX + CCPROXY_HEADER_LEN };
	int ret = ccproxy_encode(&frame, CCPROXY_COMMAND, command, false, json,
				 json ? strlen(json) : 0);

	if (ret < 0)
		return err_set(err, ret, "message of %zu bytes to the sandbox's proxy",
			       json ? strlen(json) : 0);
	ret = send_all(client->fd, frame.data, frame.len);
	if (ret < 0)
		return err_set(err, ret, "send to the sandbox's proxy");
	return 0;
}

/* Waits for more bytes and appends them to client->in. */
static int receive_more(struct client *client, const struct client_wait *wait, struct error *err)
{
	struct pollfd fds[] = {
		{ .fd = client->fd, .events = POLLIN },
		{ .fd = wait->abort_fd, .events = POLLIN },
		{ .fd = client->interrupt_fd, .events = POLLIN },
	};
	int64_t left = wait->deadline_ms - clock_now_ms();
	char *room;
	ssize_t n;
	int ret;

	ret = poll(fds, 3, left < 0 ? 0 : (int)(left > INT32_MAX ? INT32_MAX : left));
	if (ret < 0)
		return errno == EINTR ? 0 : err_set(err, -errno, "wait for the sandbox's proxy");
	if (ret == 0)
		return err_msg(err, -ETIMEDOUT, "no answer from the guest in time");
	if (fds[2].revents)
		return err_msg(err, -EINTR, "interrupted by a signal");
	if (!fds[0].revents && fds[1].revents)
		return err_msg(err, -ECONNABORTED, "the virtual machine ended");
	if (!fds[0].revents)
		return 0;
	room = strbuf_reserve(&client->in, 16384);
	if (!room)
		return err_set(err, strbuf_error(&client->in), "answer of the sandbox's proxy");
	n = recv(client->fd, room, 16384, MSG_DONTWAIT);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR
			       ? 0
			       : err_set(err, -errno, "read from the sandbox's proxy");
	if (n == 0)
		return err_msg(err, -ECONNRESET, "the sandbox's proxy closed the connection");
	strbuf_grown(&client->in, (size_t)n);
	return 0;
}

static int take_error(const struct ccproxy_frame *frame, struct error *err)
{
	auto_arena struct arena arena = { 0 };
	struct error_reply reply = { 0 };

	if (json_decode(&error_reply_type, frame->payload, frame->len, NULL, &arena, &reply, NULL) <
		    0 ||
	    !reply.msg)
		return err_msg(err, -EREMOTEIO,
			       "the sandbox's proxy reported an error without text");
	return err_msg(err, -EREMOTEIO, "%s", reply.msg);
}

int client_receive(struct client *client, enum ccproxy_command command,
		   const struct client_wait *wait, struct strbuf *reply, struct error *err)
{
	for (;;) {
		struct ccproxy_frame frame;
		int64_t used = ccproxy_decode(strbuf_str(&client->in), client->in.len, &frame);
		int ret = 0;

		if (used < 0)
			return err_set(err, (int)used, "frame from the sandbox's proxy");
		if (used == 0) {
			ret = receive_more(client, wait, err);
			if (ret < 0)
				return ret;
			continue;
		}
		if (frame.type == CCPROXY_RESPONSE && frame.opcode == (unsigned)command) {
			if (frame.error)
				ret = take_error(&frame, err);
			else if (reply)
				ret = strbuf_add(reply, frame.payload, frame.len);
			strbuf_consume(&client->in, (size_t)used);
			return ret;
		}
		strbuf_consume(&client->in, (size_t)used);
		if (clock_now_ms() > wait->deadline_ms)
			return err_msg(err, -ETIMEDOUT, "no answer from the guest in time");
	}
}

int client_call(struct client *client, enum ccproxy_command command, const char *json,
		const struct client_wait *wait, struct strbuf *reply, struct error *err)
{
	int ret = client_send(client, command, json, err);

	return ret < 0 ? ret : client_receive(client, command, wait, reply, err);
}
