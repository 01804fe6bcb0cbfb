/*
 * lossy_relay PER_MILLE SEED VMM [ARGS...]: stands in the place of a VMM's program and makes its
 * channels lose bytes. The VMM gets listening sockets of our own for its channels (descriptors 10
 * and 11) and is executed; a child of ours listens on the real ones and passes bytes on between
 * them, in pieces, of which PER_MILLE in a thousand are dropped, as many doubled, and as many cut.
 * What a seed does to the same pieces is always the same. The child ends with the VMM.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

enum { FIRST_FD = 10, N_CHANNELS = 2, KEPT_FD = 200, PIECE = 4096, POLLS = 1 + 3 * N_CHANNELS };

/* One way of a channel: what was read and is not yet written. */
struct way {
	int *from, *to;
	char data[2 * PIECE];
	size_t len, sent;
};

struct channel {
	int listen_fd;		/* the real one */
	struct sockaddr_un vmm; /* where the VMM listens */
	socklen_t vmm_len;
	int host_fd, vmm_fd;
	struct way ways[2];
};

static uint32_t per_mille, state;

static uint32_t draw(uint32_t below)
{
	state = state * 1664525 + 1013904223;
	return (uint32_t)((uint64_t)state * below >> 32);
}

static bool is_hit(void)
{
	return draw(1000) < per_mille;
}

static _Noreturn void fail(const char *what)
{
	perror(what);
	_exit(EXIT_FAILURE);
}

/* What becomes of a piece. */
static void befall(struct way *way)
{
	bool drop = is_hit(), twice = is_hit(), cut = is_hit();

	if (drop) {
		way->len = 0;
	} else if (cut) {
		size_t at = draw((uint32_t)way->len), n = 1 + draw((uint32_t)(way->len - at));

		memmove(way->data + at, way->data + at + n, way->len - at - n);
		way->len -= n;
	} else if (twice) {
		memcpy(way->data + way->len, way->data, way->len);
		way->len *= 2;
	}
}

static void hang_up(struct channel *channel)
{
	if (channel->host_fd >= 0)
		close(channel->host_fd);
	if (channel->vmm_fd >= 0)
		close(channel->vmm_fd);
	channel->host_fd = channel->vmm_fd = -1;
	for (int i = 0; i < 2; i++)
		channel->ways[i].len = channel->ways[i].sent = 0;
}

static void answer(struct channel *channel)
{
	channel->host_fd = accept4(channel->listen_fd, NULL, NULL, SOCK_CLOEXEC);
	channel->vmm_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (channel->host_fd < 0 ||
	    connect(channel->vmm_fd, (struct sockaddr *)&channel->vmm, channel->vmm_len) < 0)
		hang_up(channel);
}

/* False when an end is gone. */
static bool move_on(struct way *way, bool readable, bool writable)
{
	ssize_t n;

	if (way->len == 0 && readable) {
		n = recv(*way->from, way->data, PIECE, MSG_DONTWAIT);
		if (n == 0 || (n < 0 && errno != EAGAIN))
			return false;
		way->len = n > 0 ? (size_t)n : 0;
		way->sent = 0;
		if (n > 0)
			befall(way);
	} else if (way->len > 0 && writable) {
		n = send(*way->to, way->data + way->sent, way->len - way->sent,
			 MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0 && errno != EAGAIN)
			return false;
		way->sent += n > 0 ? (size_t)n : 0;
		if (way->sent == way->len)
			way->len = way->sent = 0;
	}
	return true;
}

static short wanted(const struct channel *channel, int end)
{
	bool reads = channel->ways[end].len == 0, writes = channel->ways[!end].len > 0;

	return (short)((reads ? POLLIN : 0) | (writes ? POLLOUT : 0));
}

static void serve_channel(struct channel *channel, const struct pollfd polls[static 3])
{
	short host = polls[1].revents, vmm = polls[2].revents;
	const short readable = POLLIN | POLLHUP | POLLERR, writable = POLLOUT | POLLHUP | POLLERR;

	if (polls[0].revents & POLLIN)
		answer(channel);
	else if (channel->host_fd >= 0 &&
		 (!move_on(&channel->ways[0], host & readable, vmm & writable) ||
		  !move_on(&channel->ways[1], vmm & readable, host & writable)))
		hang_up(channel);
}

static _Noreturn void serve(struct channel channels[static N_CHANNELS], int vmm_pidfd)
{
	struct pollfd polls[POLLS] = { { .fd = vmm_pidfd, .events = POLLIN } };

	for (;;) {
		for (int i = 0; i < N_CHANNELS; i++) {
			struct channel *c = &channels[i];
			struct pollfd *p = &polls[1 + 3 * i];

			/* One host at a time, as the VMM has it. */
			p[0] = (struct pollfd){ c->host_fd < 0 ? c->listen_fd : -1, POLLIN, 0 };
			p[1] = (struct pollfd){ c->host_fd, wanted(c, 0), 0 };
			p[2] = (struct pollfd){ c->vmm_fd, wanted(c, 1), 0 };
		}
		if (poll(polls, POLLS, -1) < 0 && errno != EINTR)
			fail("poll");
		if (polls[0].revents)
			_exit(EXIT_SUCCESS);
		for (int i = 0; i < N_CHANNELS; i++)
			serve_channel(&channels[i], &polls[1 + 3 * i]);
	}
}

/* Puts a socket of ours in the place of the VMM's. */
static void prepare(struct channel *channel, int fd)
{
	struct sockaddr_un any = { .sun_family = AF_UNIX };
	int own = socket(AF_UNIX, SOCK_STREAM, 0);

	*channel = (struct channel){ .host_fd = -1, .vmm_fd = -1, .vmm_len = sizeof(channel->vmm) };
	channel->ways[0] = (struct way){ .from = &channel->host_fd, .to = &channel->vmm_fd };
	channel->ways[1] = (struct way){ .from = &channel->vmm_fd, .to = &channel->host_fd };
	channel->listen_fd = fcntl(fd, F_DUPFD_CLOEXEC, KEPT_FD);
	/* The kernel chooses a name that nobody else has. */
	if (channel->listen_fd < 0 || own < 0 ||
	    bind(own, (struct sockaddr *)&any, sizeof(any.sun_family)) < 0 || listen(own, 1) < 0 ||
	    getsockname(own, (struct sockaddr *)&channel->vmm, &channel->vmm_len) < 0 ||
	    dup2(own, fd) < 0)
		fail("channel");
	close(own);
}

static bool is_listening(int fd)
{
	int value = 0;
	socklen_t len = sizeof(value);

	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &value, &len) == 0 && value;
}

int main(int argc, char **argv)
{
	static struct channel channels[N_CHANNELS];
	int vmm_pidfd;

	if (argc < 4) {
		(void)fprintf(stderr, "usage: %s PER_MILLE SEED VMM [ARGS...]\n", argv[0]);
		return EXIT_FAILURE;
	}
	per_mille = (uint32_t)strtoul(argv[1], NULL, 10);
	state = (uint32_t)strtoul(argv[2], NULL, 10);
	/* Asked for its version and the like it has no channels. */
	if (is_listening(FIRST_FD) && is_listening(FIRST_FD + 1)) {
		for (int i = 0; i < N_CHANNELS; i++)
			prepare(&channels[i], FIRST_FD + i);
		vmm_pidfd = (int)syscall(SYS_pidfd_open, getpid(), 0);
		vmm_pidfd = vmm_pidfd < 0 ? -1 : fcntl(vmm_pidfd, F_DUPFD_CLOEXEC, KEPT_FD);
		if (vmm_pidfd < 0)
			fail("pidfd_open");
		if (fork() == 0) {
			(void)syscall(SYS_close_range, 3, KEPT_FD - 1, 0);
			(void)prctl(PR_SET_NAME, "lossy_relay");
			serve(channels, vmm_pidfd);
		}
	}
	execv(argv[3], argv + 3);
	fail(argv[3]);
}
