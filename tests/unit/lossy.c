#include "tests/unit/lossy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

enum { PIECE = 4096 };

static unsigned draw(struct lossy *lossy)
{
	lossy->random = lossy->random * 1664525 + 1013904223;
	return (lossy->random >> 8) % 1000;
}

static bool befalls(struct lossy *lossy)
{
	bool hit = draw(lossy) < lossy->per_mille;

	lossy->hits += hit;
	return hit;
}

static void on_fd(void *arg, int fd, uint32_t events)
{
	struct lossy *lossy = arg;
	int to = fd == lossy->fds[0] ? lossy->fds[1] : lossy->fds[0];
	char data[PIECE];
	ssize_t n = recv(fd, data, sizeof(data), MSG_DONTWAIT);
	size_t len;

	(void)events;
	if (n <= 0) {
		loop_remove_fd(lossy->loop, fd);
		return;
	}
	len = (size_t)n;
	if (befalls(lossy))
		return;
	if (befalls(lossy))
		len = len * draw(lossy) / 1000;
	if (befalls(lossy))
		(void)!send(to, data, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	/* What a full socket does not take is lost as well. */
	(void)!send(to, data, len, MSG_DONTWAIT | MSG_NOSIGNAL);
}

void lossy_start(struct lossy *lossy, struct loop *loop, int one, int other, unsigned per_mille,
		 uint32_t seed)
{
	*lossy = (struct lossy){
		.loop = loop, .fds = { one, other }, .per_mille = per_mille, .random = seed
	};
	for (int i = 0; i < 2; i++)
		assert_int_equal(loop_add_fd(loop, lossy->fds[i], EPOLLIN, on_fd, lossy), 0);
}

void lossy_stop(struct lossy *lossy)
{
	for (int i = 0; i < 2; i++) {
		loop_remove_fd(lossy->loop, lossy->fds[i]);
		close(lossy->fds[i]);
	}
}
