#include "tests/standins/acrn/relay.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/sock.h"
#include "tests/standins/acrn/dm_number.h"

/*
 * PIECE: a receive buffer of the guest's driver. ROOM: what may lie between us and QEMU; the
 * original puts data into the guest's buffers itself, so nothing is to be lost in between.
 */
enum { PIECE = 4096, ROOM = 128 << 10, BACKLOG = 64, PER_MILLE = 1000 };

void relay_init(struct relay *relay)
{
	relay->listen_fd = relay->in_fd = relay->out_fd = -1;
	relay->replaced_fd = relay->slave_fd = relay->vm_fd = relay->qemu_fd = -1;
}

/* xorshift: the same seed loses the same pieces. */
static bool is_lost(struct relay *relay)
{
	uint64_t x = *relay->random;

	if (!relay->loss)
		return false;
	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	*relay->random = x;
	return x % PER_MILLE < relay->loss;
}

static void forget(struct relay *relay, int *fd)
{
	if (*fd < 0)
		return;
	loop_remove_fd(relay->loop, *fd);
	cleanup_close(fd);
}

static void drop_client(struct relay *relay)
{
	if (relay->out_fd == relay->in_fd)
		relay->out_fd = -1;
	forget(relay, &relay->in_fd);
}

static bool is_open(struct relay *relay)
{
	if (!relay->guest_open && relay->look)
		relay->guest_open = relay->look(relay->look_arg, relay);
	return relay->guest_open;
}

static void on_host(void *arg, int fd, uint32_t events)
{
	struct relay *relay = arg;
	char piece[PIECE];
	ssize_t n = read(fd, piece, sizeof(piece));

	(void)events;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		drop_client(relay);
		return;
	}
	if (!is_open(relay) || is_lost(relay))
		return;
	if (send(relay->vm_fd, piece, (size_t)n, MSG_NOSIGNAL | MSG_DONTWAIT) < n)
		dm_fault(relay->cfg, "console: '%s': the guest takes no more, data is lost",
			 relay->label);
}

/* write(2): it may be a terminal or a file. */
static void on_guest(void *arg, int fd, uint32_t events)
{
	struct relay *relay = arg;
	char piece[PIECE];
	ssize_t n = recv(fd, piece, sizeof(piece), MSG_DONTWAIT);

	(void)events;
	if (n == 0) {
		/* QEMU has gone; the owner hears of that by its pid */
		(void)!loop_set_events(relay->loop, fd, 0);
		loop_remove_fd(relay->loop, fd);
		return;
	}
	if (n < 0 || relay->out_fd < 0 || is_lost(relay))
		return;
	if (write(relay->out_fd, piece, (size_t)n) < n && relay->listen_fd >= 0)
		dm_fault(relay->cfg, "console: '%s': its client is too slow, data is lost",
			 relay->label);
}

/* The original's loop turns for ever from here on. Once is enough to tell. */
static void on_replaced(void *arg, int fd, uint32_t events)
{
	struct relay *relay = arg;
	char byte;

	(void)events;
	if (recv(fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK) > 0)
		dm_fault(relay->cfg,
			 "console: '%s': a client that was replaced sends, the device model spins",
			 relay->label);
	forget(relay, &relay->replaced_fd);
}

static void on_accept(void *arg, int fd, uint32_t events)
{
	struct relay *relay = arg;
	int client = sock_accept(fd, true);

	(void)events;
	if (client < 0)
		return;
	if (relay->in_fd >= 0) {
		dm_fault(relay->cfg, "console: '%s': a second client replaces the first",
			 relay->label);
		forget(relay, &relay->replaced_fd);
		relay->replaced_fd = relay->in_fd;
		loop_remove_fd(relay->loop, relay->replaced_fd);
		if (loop_add_fd(relay->loop, relay->replaced_fd, EPOLLIN, on_replaced, relay) < 0)
			cleanup_close(&relay->replaced_fd);
	}
	relay->in_fd = relay->out_fd = client;
	if (loop_add_fd(relay->loop, client, EPOLLIN, on_host, relay) < 0)
		abort();
}

int relay_listen(const char *path, int backlog)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	auto_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	size_t len = strnlen(path, sizeof(addr.sun_path) - 1);

	if (fd < 0)
		return -errno;
	(void)unlink(path);
	memcpy(addr.sun_path, path, len);
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 || listen(fd, backlog) < 0)
		return -errno;
	return take_fd(&fd);
}

static int listen_at(struct relay *relay, int fd)
{
	if (fd < 0)
		return fd;
	relay->listen_fd = fd;
	return loop_add_fd(relay->loop, fd, EPOLLIN, on_accept, relay);
}

static int watch_host(struct relay *relay, int in_fd, int out_fd)
{
	if (in_fd < 0)
		return in_fd;
	relay->in_fd = in_fd;
	relay->out_fd = out_fd;
	return loop_add_fd(relay->loop, in_fd, EPOLLIN, on_host, relay);
}

static int open_client(struct relay *relay, const char *path)
{
	int fd = sock_connect_at(AT_FDCWD, path);

	if (fd < 0) {
		/* logged, no more */
		(void)printf("virtio-console: connect to '%s': %s\n", path, strerror(-fd));
		return 0;
	}
	(void)!sock_set_nonblock(fd, true);
	return watch_host(relay, fd, fd);
}

static int open_tty(struct relay *relay, const char *path)
{
	int fd = open(path, O_RDWR | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct termios raw;

	if (fd < 0)
		return -errno;
	if (tcgetattr(fd, &raw) == 0) {
		cfmakeraw(&raw);
		(void)tcsetattr(fd, TCSANOW, &raw);
	}
	return watch_host(relay, fd, fd);
}

static int open_pty(struct relay *relay)
{
	char name[64];
	int fd = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0 || grantpt(fd) < 0 || unlockpt(fd) < 0 || ptsname_r(fd, name, sizeof(name)) != 0)
		return -errno;
	relay->slave_fd = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
	(void)printf("virt-console backend redirected to %s\n", name);
	return watch_host(relay, fd, fd);
}

/* Copies: descriptors 0 and 1 are closed with the relay otherwise. */
static int open_stdio(struct relay *relay, int out)
{
	int fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);

	if (fd < 0)
		return -errno;
	return watch_host(relay, fd, out == STDIN_FILENO ? fd : out);
}

int relay_open_port(struct relay *relay, const struct dm_port *port)
{
	switch (port->backend) {
	case DM_SOCKET:
		return port->client ? open_client(relay, port->path)
				    : listen_at(relay, relay_listen(port->path, BACKLOG));
	case DM_TTY:
		return open_tty(relay, port->path);
	case DM_PTY:
		return open_pty(relay);
	case DM_STDIO:
		return open_stdio(relay, STDOUT_FILENO);
	default:
		relay->out_fd = open(port->path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
		return relay->out_fd < 0 ? -errno : 0;
	}
}

static int listen_tcp(int port)
{
	struct sockaddr_in addr = {
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_ANY),
	};
	auto_close int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	const int on = 1;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
	    bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 || listen(fd, 1) < 0)
		return -errno;
	return take_fd(&fd);
}

int relay_open_com(struct relay *relay, const char *backend)
{
	int port = 0;

	relay->guest_open = true;
	if (!strcmp(backend, "stdio"))
		return open_stdio(relay, STDIN_FILENO);
	if (strncmp(backend, "tcp:", 4) != 0)
		return open_tty(relay, backend);
	if (dm_int(backend + 4, &port) < 0)
		return -EINVAL;
	return listen_at(relay, listen_tcp(port));
}

int relay_pair(struct relay *relay)
{
	const int room = ROOM;
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0)
		return -errno;
	relay->vm_fd = pair[0];
	relay->qemu_fd = pair[1];
	if (setsockopt(relay->vm_fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room)) < 0)
		return -errno;
	return loop_add_fd(relay->loop, relay->vm_fd, EPOLLIN, on_guest, relay);
}

void relay_close(struct relay *relay)
{
	if (relay->out_fd > STDERR_FILENO && relay->out_fd != relay->in_fd)
		cleanup_close(&relay->out_fd);
	drop_client(relay);
	forget(relay, &relay->replaced_fd);
	forget(relay, &relay->listen_fd);
	forget(relay, &relay->vm_fd);
	cleanup_close(&relay->qemu_fd);
	cleanup_close(&relay->slave_fd);
	relay->guest_open = false;
}
