/*
 * The shim, with a proxy that sends the input and closes. What it writes and the code it ends with
 * must be what the frames say, by a plain reading of them.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/proto/ccproxy.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/sock.h"
#include "cmd/acrun-shim/relay.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { INPUT_MAX = 60000, RETRY_ALWAYS_MS = 1000, STILL = 300 };

struct scene {
	struct loop *loop;
	struct relay relay;
	const uint8_t *data;
	size_t size;
	int peer;   /* our end of the shim's connection */
	int out[2]; /* pipes it writes to, read by us */
	struct strbuf got[2];
};

static struct {
	char dir[32];
	char path[48];
	int listen;
} place = { .dir = "/tmp/fuzz_shim.XXXXXX", .listen = -1 };

static void check(bool good)
{
	if (!good)
		abort();
}

static void remove_place(void)
{
	(void)unlink(place.path);
	(void)rmdir(place.dir);
}

static void make_place(void)
{
	if (place.listen >= 0)
		return;
	check(mkdtemp(place.dir) != NULL);
	(void)snprintf(place.path, sizeof(place.path), "%s/p", place.dir);
	place.listen = sock_listen_at(AT_FDCWD, place.path, 0600, 8);
	check(place.listen >= 0 && atexit(remove_place) == 0);
	log_use_fd(open("/dev/null", O_WRONLY | O_CLOEXEC), LOG_TEXT, LOG_DEBUG);
}

static void drain(struct scene *scene)
{
	static char data[65536];
	ssize_t n;

	for (int i = 0; i < 2; i++)
		while ((n = read(scene->out[i], data, sizeof(data))) > 0)
			check(strbuf_add(&scene->got[i], data, (size_t)n) == 0);
}

static void on_connection(void *arg, int fd, uint32_t events)
{
	struct scene *scene = arg;

	(void)events;
	check(scene->peer < 0);
	scene->peer = sock_accept(fd, false);
	check(scene->peer >= 0);
	check(send(scene->peer, scene->data, scene->size, 0) == (ssize_t)scene->size);
	check(shutdown(scene->peer, SHUT_WR) == 0);
}

/* Always ready. A shim that has lost the proxy and written all would look for it from here on. */
static void on_round(void *arg, int fd, uint32_t events)
{
	struct scene *scene = arg;

	(void)fd;
	(void)events;
	drain(scene);
	if (scene->peer >= 0 && scene->relay.fd < 0 && scene->relay.retrying)
		loop_stop(scene->loop, STILL);
}

/* What a plain reading of the input says. */
struct reading {
	struct strbuf out[2];
	int code;
};

static void read_plainly(const char *data, size_t size, struct reading *reading)
{
	struct ccproxy_frame frame;
	int64_t used = 0;

	reading->code = STILL;
	while (reading->code == STILL && (used = ccproxy_decode(data, size, &frame)) > 0) {
		if (frame.type == CCPROXY_STREAM && frame.opcode != CCPROXY_LOG)
			check(strbuf_add(&reading->out[frame.opcode == CCPROXY_STDERR],
					 frame.payload, frame.len) == 0);
		if (frame.type == CCPROXY_RESPONSE && frame.error &&
		    frame.opcode == CCPROXY_CONNECT_SHIM)
			reading->code = EXIT_PROXY_LOST;
		if (frame.type == CCPROXY_NOTIFICATION && frame.opcode == CCPROXY_PROCESS_EXITED &&
		    frame.len > 0)
			reading->code = (unsigned char)frame.payload[0];
		data += used;
		size -= (size_t)used;
	}
	if (used < 0)
		reading->code = EXIT_PROXY_LOST;
}

static void open_stdio(struct scene *scene)
{
	scene->relay.stdio[0] = (struct stdio){ .fd = 0, .io_fd = 0, .kind = STDIO_ABSENT };
	for (int i = 0; i < 2; i++) {
		int ends[2];

		check(pipe2(ends, O_CLOEXEC | O_NONBLOCK) == 0);
		scene->out[i] = ends[0];
		scene->relay.stdio[i + 1] =
			(struct stdio){ .fd = i + 1, .io_fd = ends[1], .kind = STDIO_OWN };
	}
}

static void check_reading(struct scene *scene, int code)
{
	struct reading reading = { 0 };

	read_plainly((const char *)scene->data, scene->size, &reading);
	check(code == reading.code);
	for (int i = 0; i < 2; i++) {
		check(reading.out[i].len == scene->got[i].len);
		check(reading.out[i].len == 0 ||
		      memcmp(reading.out[i].data, scene->got[i].data, scene->got[i].len) == 0);
		strbuf_done(&reading.out[i]);
	}
}

static void run(struct scene *scene)
{
	struct error err = { 0 };
	int code;

	check(loop_add_fd(scene->loop, place.listen, EPOLLIN, on_connection, scene) == 0);
	code = relay_run(&scene->relay, &err);
	check(code != EXIT_PROXY_LOST || err.code == 0 || err.text[0] != '\0');
	drain(scene);
	check_reading(scene, code);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int always_fd = eventfd(1, EFD_CLOEXEC);
	struct scene scene = { .loop = loop_new(), .data = data, .size = size, .peer = -1 };
	sigset_t mask;

	check(scene.loop && always_fd >= 0);
	make_place();
	scene.relay = (struct relay){ .loop = scene.loop,
				      .socket_path = place.path,
				      .token = "t",
				      .reconnect_ms = RETRY_ALWAYS_MS };
	open_stdio(&scene);
	check(loop_add_fd(scene.loop, always_fd, EPOLLIN, on_round, &scene) == 0);
	/* The shim blocks all signals for good. */
	check(sigprocmask(SIG_BLOCK, NULL, &mask) == 0);
	if (size <= INPUT_MAX)
		run(&scene);
	check(sigprocmask(SIG_SETMASK, &mask, NULL) == 0);
	loop_free(scene.loop);
	cleanup_close(&scene.peer);
	for (int i = 0; i < 2; i++) {
		(void)close(scene.out[i]);
		stdio_close(&scene.relay.stdio[i + 1]);
		strbuf_done(&scene.got[i]);
	}
	(void)close(always_fd);
	return 0;
}
