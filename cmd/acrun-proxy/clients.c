#include "cmd/acrun-proxy/clients.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/cleanup.h"
#include "base/json.h"
#include "base/log.h"
#include "base/sock.h"
#include "cmd/acrun-proxy/proxy.h"
#include "cmd/acrun-proxy/router.h"
#include "cmd/acrun-proxy/sessions.h"
#include "cmd/acrun-proxy/vm.h"

enum {
	READ_BYTES = 64 << 10,
	IN_MAX = CCPROXY_PAYLOAD_MAX + (1 << 10) + READ_BYTES,
	ANSWERS_MAX = 1 << 20, /* a client that does not read its answers is not read either */
	REQUESTS_MAX = 256,
};

static bool is_paused(const struct client *client)
{
	unsigned n = 0;

	if (client->busy || (client->proxy->vm && vm_is_joining(client->proxy->vm)))
		return true;
	/* A shim that counts credit cannot send too much, and its signals must pass. */
	if (client->session && !client->flow && session_stdin_is_full(client->session))
		return true;
	if (!client->session && outq_len(&client->out) > ANSWERS_MAX)
		return true;
	for (const struct request *request = client->requests; request; request = request->next)
		n++;
	return n >= REQUESTS_MAX;
}

static void update_events(struct client *client)
{
	uint32_t events = (is_paused(client) ? 0 : EPOLLIN) |
			  (outq_len(&client->out) > 0 ? EPOLLOUT : 0);

	if (client->dead || events == client->events)
		return;
	client->events = events;
	if (loop_set_events(client->proxy->loop, client->fd, events) < 0)
		client_close(client);
}

void client_complain(const struct client *client, const char *what)
{
	const struct session *session = client->session;

	log_error("process %lld%s%s: %s", (long long)client->pid, session ? ", a shim of " : "",
		  session ? (session->container ? session->container : "no container yet") : "",
		  what);
}

/* Why the bytes at data ended the connection. */
static void tell_why(const struct client *client, const char *data, size_t len, int code)
{
	const unsigned char *h = (const unsigned char *)data;
	struct error why = { 0 };

	if (code == -EMSGSIZE)
		(void)err_msg(&why, code, "a payload above %d bytes", CCPROXY_PAYLOAD_MAX);
	else if (len < CCPROXY_HEADER_LEN || code != -EBADMSG)
		(void)err_set(&why, code, "a frame was not accepted");
	else if (h[0] != 0 || h[1] != CCPROXY_VERSION)
		(void)err_msg(&why, code, "version %u of the protocol", h[0] << 8 | h[1]);
	else if (h[2] * 4 < CCPROXY_HEADER_LEN)
		(void)err_msg(&why, code, "a header of %u bytes", h[2] * 4);
	else
		(void)err_msg(&why, code, "type %u with opcode %u is not its to send", h[6] & 15,
			      h[7]);
	(void)err_ctx(&why, "the connection was closed");
	client_complain(client, why.text);
}

void client_close(struct client *client)
{
	if (client->dead)
		return;
	client->dead = true;
	loop_remove_fd(client->proxy->loop, client->fd);
	cleanup_close(&client->fd);
	while (client->requests) {
		struct request *request = client->requests;

		client->requests = request->next;
		request->client = NULL;
		if (request->done) {
			strbuf_done(&request->reply);
			free(request);
		}
	}
	if (client->session)
		session_release(client->session, false);
	sessions_disown(client->proxy, client);
}

void client_free(struct client *client)
{
	strbuf_done(&client->in);
	outq_done(&client->out);
	free(client);
}

void client_flush(struct client *client)
{
	while (!client->dead) {
		int ret = strbuf_error(&client->out.buf);

		if (ret == 0)
			ret = outq_flush(&client->out, client->fd);
		if (ret < 0) {
			client_close(client);
			return;
		}
		if (ret == 0)
			break;
		if (!client->session)
			break;
		session_output_written(client->session);
		if (!session_give_output(client->session, &client->out))
			break;
	}
	update_events(client);
}

void client_notify(struct client *client, unsigned opcode, const void *payload, size_t len)
{
	if (client->dead)
		return;
	/* A failed append is remembered by the buffer and closes the client at the flush. */
	(void)!ccproxy_encode(&client->out.buf, CCPROXY_NOTIFICATION, opcode, false, payload, len);
	client_flush(client);
}

struct request *request_new(struct client *client, unsigned opcode)
{
	struct request **end = &client->requests;
	struct request *request = calloc(1, sizeof(*request));

	if (!request) {
		client_close(client);
		return NULL;
	}
	request->client = client;
	request->opcode = opcode;
	request->reply.max = CCPROXY_PAYLOAD_MAX;
	while (*end)
		end = &(*end)->next;
	*end = request;
	return request;
}

/* Answers leave in the order in which the commands came. */
static void request_end(struct request *request)
{
	struct client *client = request->client;

	if (!client) {
		strbuf_done(&request->reply);
		free(request);
		return;
	}
	request->done = true;
	if (request->opcode == CCPROXY_HYPER || request->opcode == CCPROXY_REGISTER_VM)
		client->busy = false;
	while (client->requests && client->requests->done) {
		request = client->requests;
		client->requests = request->next;
		(void)!ccproxy_encode(&client->out.buf, CCPROXY_RESPONSE, request->opcode,
				      request->error, request->reply.data, request->reply.len);
		strbuf_done(&request->reply);
		free(request);
	}
	client_flush(client);
}

void request_reply(struct request *request, const void *payload, size_t len)
{
	if (strbuf_add(&request->reply, payload, len) < 0) {
		request_fail(request, "the answer is too large");
		return;
	}
	request_end(request);
}

void request_fail(struct request *request, const char *text)
{
	strbuf_done(&request->reply);
	request->error = true;
	strbuf_adds(&request->reply, "{\"msg\":");
	(void)json_quote(&request->reply, text);
	strbuf_addc(&request->reply, '}');
	request_end(request);
}

void request_answer(void *request, const struct error *err, const char *payload, size_t len)
{
	if (err)
		request_fail(request, err->text);
	else
		request_reply(request, payload, len);
}

/* Tells the sender of a frame that is too large, and lets its bytes go by. */
static int refuse_large(struct client *client, const struct ccproxy_frame *frame, const char *data)
{
	struct request *request;
	struct error err = { 0 };

	if (frame->type != CCPROXY_COMMAND)
		return -EMSGSIZE;
	request = request_new(client, frame->opcode);
	if (!request)
		return -ENOMEM;
	client->skip = ccproxy_frame_len(data);
	(void)err_msg(&err, -E2BIG, "message too long %u: at most %d bytes can be sent at a time",
		      frame->len, CCPROXY_PAYLOAD_MAX);
	request_fail(request, err.text);
	return 0;
}

/* Bytes used up from data, 0 when more are needed, -errno when the connection has to end. */
static int64_t take_one(struct client *client, const char *data, size_t len)
{
	struct ccproxy_frame frame;
	int64_t used;
	int ret;

	if (client->skip > 0) {
		used = (int64_t)(client->skip < len ? client->skip : len);
		client->skip -= (uint64_t)used;
		return used;
	}
	used = ccproxy_decode(data, len, &frame);
	if (used == -EMSGSIZE) {
		ret = refuse_large(client, &frame, data);
		return ret < 0 || client->dead ? -EMSGSIZE : take_one(client, data, len);
	}
	if (used <= 0)
		return used;
	ret = router_take_frame(client, &frame);
	return ret < 0 ? ret : used;
}

static bool take_all(struct client *client)
{
	size_t used = 0;
	int64_t n = 0;

	while (!client->dead && !is_paused(client)) {
		n = take_one(client, strbuf_str(&client->in) + used, client->in.len - used);
		if (n <= 0)
			break;
		used += (size_t)n;
	}
	if (n < 0) {
		tell_why(client, strbuf_str(&client->in) + used, client->in.len - used, (int)n);
		client_close(client);
	}
	if (used == client->in.len)
		outq_shrink(&client->in);
	else
		strbuf_consume(&client->in, used);
	return used > 0;
}

bool client_resume(struct client *client)
{
	bool progress = client->in.len > 0 && !client->dead && take_all(client);

	if (!client->dead)
		update_events(client);
	return progress;
}

static void receive(struct client *client)
{
	char *room = strbuf_reserve(&client->in, READ_BYTES);
	ssize_t n = room ? recv(client->fd, room, READ_BYTES, MSG_DONTWAIT) : 0;

	if (n > 0) {
		strbuf_grown(&client->in, (size_t)n);
		(void)take_all(client);
	} else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
		client_close(client);
	}
}

static void on_client(void *arg, int fd, uint32_t events)
{
	struct client *client = arg;
	struct proxy *proxy = client->proxy;

	(void)fd;
	if (events & EPOLLOUT)
		client_flush(client);
	if (!client->dead && (events & EPOLLIN))
		receive(client);
	else if (!client->dead && (events & (EPOLLHUP | EPOLLERR)))
		client_close(client);
	proxy_settle(proxy);
}

struct client *client_add(struct proxy *proxy, int fd)
{
	struct client *client = calloc(1, sizeof(*client));
	uid_t uid;

	if (!client || loop_add_fd(proxy->loop, fd, EPOLLIN, on_client, client) < 0) {
		free(client);
		(void)close(fd);
		return NULL;
	}
	client->proxy = proxy;
	client->fd = fd;
	if (sock_peer(fd, &client->pid, &uid) < 0)
		client->pid = 0;
	client->events = EPOLLIN;
	client->in.max = IN_MAX;
	client->next = proxy->clients;
	proxy->clients = client;
	return client;
}
