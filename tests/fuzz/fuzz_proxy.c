/*
 * The whole proxy between a guest and clients that say whatever they like. One process of a
 * container and one exec run, each with its shim; then the input is taken as pieces: a byte that
 * says who speaks and how, a byte of length, the bytes. The first byte of all chooses the agent.
 *
 * What must hold: the guest's channels get whole frames only, a client whole frames only, and a
 * shim exactly one exit code, behind all else.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/proto/calls.h"
#include "agent/proto/ccproxy.h"
#include "agent/proto/hyperstart.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/sock.h"
#include "cmd/acrun-proxy/clients.h"
#include "cmd/acrun-proxy/proxy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ROUNDS_A_TURN = 4, PIECES_MAX = 200, TOKEN_LEN = 44 };

enum speaker { CTL, TTY, RUNTIME, SHIM, EXEC_SHIM, SPEAKERS };

struct end {
	int fd;
	struct strbuf in;
	bool exited; /* a shim's process */
};

struct scene {
	struct loop *loop;
	struct proxy proxy;
	int always_fd;
	unsigned rounds;
	struct end ends[SPEAKERS];
};

/* Made once: where the proxy connects to. */
static struct {
	char dir[32];
	int ctl, tty; /* listening */
} place = { .dir = "/tmp/fuzz_proxy.XXXXXX", .ctl = -1, .tty = -1 };

static void check(bool good)
{
	if (!good)
		abort();
}

static void remove_place(void)
{
	char path[48];

	(void)snprintf(path, sizeof(path), "%s/ctl", place.dir);
	(void)unlink(path);
	(void)snprintf(path, sizeof(path), "%s/tty", place.dir);
	(void)unlink(path);
	(void)rmdir(place.dir);
}

static void make_place(void)
{
	char path[48];

	if (place.ctl >= 0)
		return;
	check(mkdtemp(place.dir) != NULL);
	(void)snprintf(path, sizeof(path), "%s/ctl", place.dir);
	place.ctl = sock_listen_at(AT_FDCWD, path, 0600, 8);
	(void)snprintf(path, sizeof(path), "%s/tty", place.dir);
	place.tty = sock_listen_at(AT_FDCWD, path, 0600, 8);
	check(place.ctl >= 0 && place.tty >= 0 && atexit(remove_place) == 0);
	/* The messages are formatted, and seen by nobody. */
	log_use_fd(open("/dev/null", O_WRONLY | O_CLOEXEC), LOG_TEXT, LOG_DEBUG);
}

/* Always ready: so it ends the turn when the others have had theirs. */
static void on_round(void *arg, int fd, uint32_t events)
{
	struct scene *scene = arg;

	(void)fd;
	(void)events;
	if (++scene->rounds >= ROUNDS_A_TURN)
		loop_stop(scene->loop, 1);
}

static void check_ctl(struct end *end)
{
	struct ctl_frame frame;
	int64_t used;

	while ((used = ctl_decode(strbuf_str(&end->in), end->in.len, &frame)) > 0)
		strbuf_consume(&end->in, (size_t)used);
	check(used == 0);
}

static void check_tty(struct end *end)
{
	struct tty_frame frame;
	int64_t used;

	while ((used = tty_decode(strbuf_str(&end->in), end->in.len, &frame)) > 0)
		strbuf_consume(&end->in, (size_t)used);
	check(used == 0);
}

static void check_client(struct end *end)
{
	struct ccproxy_frame frame;
	int64_t used;

	while ((used = ccproxy_decode(strbuf_str(&end->in), end->in.len, &frame)) > 0) {
		check(frame.type != CCPROXY_COMMAND);
		check(!end->exited || frame.type == CCPROXY_RESPONSE);
		if (frame.type == CCPROXY_NOTIFICATION && frame.opcode == CCPROXY_PROCESS_EXITED)
			end->exited = true;
		strbuf_consume(&end->in, (size_t)used);
	}
	check(used == 0);
}

static void receive(struct end *end)
{
	static char data[65536];
	ssize_t n;

	while (end->fd >= 0 && (n = recv(end->fd, data, sizeof(data), MSG_DONTWAIT)) > 0)
		check(strbuf_add(&end->in, data, (size_t)n) == 0);
}

/* Lets the proxy act; what it said is in the ends' buffers then. */
static void turn(struct scene *scene)
{
	scene->rounds = 0;
	if (!scene->proxy.ended)
		(void)loop_run(scene->loop);
	for (int i = 0; i < SPEAKERS; i++)
		receive(&scene->ends[i]);
}

static void check_all(struct scene *scene)
{
	check_ctl(&scene->ends[CTL]);
	check_tty(&scene->ends[TTY]);
	for (int i = RUNTIME; i < SPEAKERS; i++)
		check_client(&scene->ends[i]);
}

static void put(struct scene *scene, enum speaker who, const void *data, size_t len)
{
	if (scene->ends[who].fd >= 0)
		(void)!send(scene->ends[who].fd, data, len, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void put_ctl(struct scene *scene, uint32_t code, const char *payload, size_t len)
{
	auto_strbuf struct strbuf frame = { 0 };

	check(ctl_encode(&frame, code, payload, len) == 0);
	put(scene, CTL, frame.data, frame.len);
}

static void put_client(struct scene *scene, enum speaker who, enum ccproxy_type type,
		       unsigned opcode, const char *payload, size_t len)
{
	auto_strbuf struct strbuf frame = { 0 };

	check(ccproxy_encode(&frame, type, opcode, false, payload, len) == 0);
	put(scene, who, frame.data, frame.len);
}

static void connect_client(struct scene *scene, enum speaker who)
{
	int pair[2];

	check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
	check(sock_set_nonblock(pair[0], true) == 0);
	scene->ends[who] = (struct end){ .fd = pair[1] };
	check(client_add(&scene->proxy, pair[0]) != NULL);
}

static void command(struct scene *scene, enum speaker who, unsigned opcode, const char *text)
{
	put_client(scene, who, CCPROXY_COMMAND, opcode, text, strlen(text));
	turn(scene);
}

/* RegisterVM with an agent of ours (with or without flow control) or one of the originals. */
static void bring_up(struct scene *scene, unsigned agent)
{
	static const char *const hello[] = {
		"{\"version\":1,\"agent\":\"a\",\"kernel\":\"k\",\"features\":[\"flow\"]}",
		"{\"version\":1,\"features\":[]}",
	};
	static const char *const versions[] = { "\0\0\x10\x92", "\0\0\x10\x94", "" };
	char body[192];

	(void)snprintf(body, sizeof(body),
		       "{\"containerId\":\"s\",\"ctlSerial\":\"%s/ctl\",\"ioSerial\":\"%s/tty\"}",
		       place.dir, place.dir);
	command(scene, RUNTIME, CCPROXY_REGISTER_VM, body);
	scene->ends[CTL] = (struct end){ .fd = sock_accept(place.ctl, true) };
	scene->ends[TTY] = (struct end){ .fd = sock_accept(place.tty, true) };
	check(scene->ends[CTL].fd >= 0 && scene->ends[TTY].fd >= 0);
	put_ctl(scene, CALL_READY, NULL, 0);
	turn(scene);
	if (agent < 2) {
		put_ctl(scene, CALL_ACK, hello[agent], strlen(hello[agent]));
		turn(scene);
		return;
	}
	put_ctl(scene, CALL_ERROR, NULL, 0);
	turn(scene);
	put_ctl(scene, agent == 4 ? CALL_ERROR : CALL_ACK, versions[agent - 2], agent == 4 ? 0 : 4);
	turn(scene);
}

/* A process with its shim; false when the proxy does not have it that way. */
static void start(struct scene *scene, enum speaker who, const char *call)
{
	static const char ask[] = "{\"containerId\":\"s\",\"numIOStreams\":1}";
	char token[TOKEN_LEN + 1] = "";
	char body[256];
	const char *pos;

	check_all(scene);
	put_client(scene, RUNTIME, CCPROXY_COMMAND, CCPROXY_ATTACH_VM, ask, sizeof(ask) - 1);
	turn(scene);
	pos = memmem(strbuf_str(&scene->ends[RUNTIME].in), scene->ends[RUNTIME].in.len, "[\"", 2);
	check(pos &&
	      pos + 2 + TOKEN_LEN < scene->ends[RUNTIME].in.data + scene->ends[RUNTIME].in.len);
	memcpy(token, pos + 2, TOKEN_LEN);
	(void)snprintf(body, sizeof(body), "{\"token\":\"%s\"%s}", token,
		       who == SHIM ? ",\"flow\":true" : ",\"kill_on_close\":true");
	command(scene, who, CCPROXY_CONNECT_SHIM, body);
	(void)snprintf(body, sizeof(body),
		       "{\"hyperName\":\"%s\",\"tokens\":[\"%s\"],\"data\":{\"id\":\"c\","
		       "\"container\":\"c\",\"process\":{}}}",
		       call, token);
	command(scene, RUNTIME, CCPROXY_HYPER, body);
	put_ctl(scene, CALL_ACK, NULL, 0);
	turn(scene);
	check_all(scene);
}

/* A stream's bytes or credit with a right header, so that not only framing is tried. */
static void put_stream(struct scene *scene, uint8_t how, const uint8_t *data, size_t len)
{
	auto_strbuf struct strbuf frame = { 0 };
	uint64_t stream = 3 + (how & 3);

	if (how & 4)
		check(tty_encode_credit(&frame, stream, (uint32_t)len * 1024) == 0);
	else
		check(tty_encode(&frame, stream, data, len) == 0);
	put(scene, TTY, frame.data, frame.len);
}

static void play_piece(struct scene *scene, uint8_t kind, const uint8_t *data, size_t len)
{
	enum speaker who = (enum speaker)(kind % 8);
	uint8_t how = kind / 8;

	if (kind % 8 >= SPEAKERS) {
		put_stream(scene, how, data, len);
	} else if (how == 0) {
		put(scene, who, data, len);
	} else if (how == 1 && scene->ends[who].fd >= 0) {
		check_all(scene);
		cleanup_close(&scene->ends[who].fd);
		strbuf_clear(&scene->ends[who].in);
	} else if (who == TTY) {
		put_stream(scene, how, data, len);
	} else if (who == CTL) {
		put_ctl(scene, how % 3 ? CALL_ACK : CALL_PSCONTAINER, (const char *)data, len);
	} else if (how & 1) {
		put_client(scene, who, CCPROXY_STREAM, CCPROXY_STDIN, (const char *)data, len);
	} else {
		put_client(scene, who, CCPROXY_COMMAND, how / 2 % (CCPROXY_SIGNAL + 1),
			   (const char *)data, len);
	}
}

static void play(struct scene *scene, const uint8_t *data, size_t size)
{
	for (unsigned n = 0; size >= 2 && n < PIECES_MAX && !scene->proxy.ended; n++) {
		size_t len = data[1] < size - 2 ? data[1] : size - 2;

		play_piece(scene, data[0], data + 2, len);
		turn(scene);
		check_all(scene);
		data += 2 + len;
		size -= 2 + len;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct scene scene = { .loop = loop_new() };

	if (size == 0) {
		loop_free(scene.loop);
		return 0;
	}
	make_place();
	for (int i = 0; i < SPEAKERS; i++)
		scene.ends[i].fd = -1;
	scene.always_fd = eventfd(1, EFD_CLOEXEC);
	check(scene.loop && scene.always_fd >= 0);
	check(loop_add_fd(scene.loop, scene.always_fd, EPOLLIN, on_round, &scene) == 0);
	proxy_init(&scene.proxy, scene.loop, "unix:///p");
	for (int i = RUNTIME; i < SPEAKERS; i++)
		connect_client(&scene, (enum speaker)i);
	bring_up(&scene, data[0] % 5);
	start(&scene, SHIM, data[0] % 5 < 2 ? "createcontainer" : "newcontainer");
	start(&scene, EXEC_SHIM, data[0] % 5 < 2 ? "execprocess" : "execcmd");
	play(&scene, data + 1, size - 1);
	proxy_done(&scene.proxy);
	loop_free(scene.loop);
	for (int i = 0; i < SPEAKERS; i++) {
		cleanup_close(&scene.ends[i].fd);
		strbuf_done(&scene.ends[i].in);
	}
	(void)close(scene.always_fd);
	return 0;
}
