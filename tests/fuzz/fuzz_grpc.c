/* Whatever a peer sends, server and client end in an orderly way: each call that a handler got has
 * exactly one end. The first byte says who is tested: odd the server behind its client's greeting,
 * 2 the server from the first byte on, other even ones the client. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/loop.h"
#include "runtime/factory/grpc_client.h"
#include "runtime/factory/grpc_server.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { INPUT_MAX = 60000, REPLY_MAX = 4096, MESSAGE_MAX = 2048, TIMEOUT_MS = 1000 };

struct scene {
	struct loop *loop;
	struct grpc_server *server;
	int fd;
	int open_calls;
};

static void check(bool good)
{
	if (!good)
		abort();
}

static void on_echo(void *arg, struct grpc_call *call, const char *message, size_t len)
{
	struct scene *scene = arg;

	scene->open_calls++;
	check(len <= MESSAGE_MAX);
	if (grpc_call_reply(call, message, len) < 0)
		abort();
}

static void on_hold(void *arg, struct grpc_call *call, const char *message, size_t len)
{
	struct scene *scene = arg;

	(void)call;
	(void)message;
	(void)len;
	scene->open_calls++;
}

static void on_end(void *arg, struct grpc_call *call, enum grpc_outcome outcome)
{
	struct scene *scene = arg;

	(void)call;
	check(outcome <= GRPC_END_LOST);
	check(scene->open_calls > 0);
	scene->open_calls--;
}

/* The peer reads all the server says, until it closes. */
static void on_readable(void *arg, int fd, uint32_t events)
{
	struct scene *scene = arg;
	char buf[4096];
	ssize_t n;

	(void)events;
	while ((n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT)) > 0)
		;
	if (n == 0 || errno != EAGAIN)
		loop_stop(scene->loop, 0);
}

static void feed_server(bool greet, const uint8_t *data, size_t size)
{
	static const char greeting[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0";
	static const struct grpc_method methods[] = { { "/e", on_echo }, { "/h", on_hold } };
	struct scene scene = { .loop = loop_new() };
	struct grpc_server_config config = {
		.methods = methods,
		.n_methods = 2,
		.end = on_end,
		.arg = &scene,
		.max_message = MESSAGE_MAX,
		.max_calls = 4,
		.stall_ms = TIMEOUT_MS,
	};
	struct error err = { 0 };
	int fds[2];

	check(scene.loop && socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
	scene.server = grpc_server_new(scene.loop, &config, &err);
	check(scene.server != NULL);
	if (greet)
		check(send(fds[0], greeting, sizeof(greeting) - 1, 0) > 0);
	if (size > 0)
		check(send(fds[0], data, size, 0) == (ssize_t)size);
	check(shutdown(fds[0], SHUT_WR) == 0);
	check(loop_add_fd(scene.loop, fds[0], EPOLLIN, on_readable, &scene) == 0);
	check(grpc_server_add(scene.server, fds[1], &err) == 0);
	check(loop_run(scene.loop) == 0);
	grpc_server_free(scene.server);
	check(scene.open_calls == 0);
	loop_free(scene.loop);
	(void)close(fds[0]);
}

static void feed_client(const uint8_t *data, size_t size)
{
	struct strbuf reply = { .max = REPLY_MAX };
	struct error err = { 0 };
	struct grpc_client *client;
	int fds[2];
	int ret;

	check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
	if (size > 0)
		check(send(fds[1], data, size, 0) == (ssize_t)size);
	check(shutdown(fds[1], SHUT_WR) == 0);
	client = grpc_client_new(fds[0], &err);
	check(client != NULL);
	ret = grpc_client_call(client, "/e", "x", 1, TIMEOUT_MS, &reply, &err);
	check(ret == 0 || (ret == err.code && err.text[0] != '\0' && reply.len == 0));
	grpc_client_free(client);
	strbuf_done(&reply);
	(void)close(fds[1]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0 || size > INPUT_MAX)
		return 0;
	if (data[0] & 1)
		feed_server(true, data + 1, size - 1);
	else if (data[0] == 2)
		feed_server(false, data + 1, size - 1);
	else
		feed_client(data + 1, size - 1);
	return 0;
}
