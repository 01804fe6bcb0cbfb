#include "agent/proto/linked.h"

#include <errno.h>
#include <unistd.h>
#include "base/clock.h"

enum { WIRE_MAX = 16 << 10, KEEP_BUFFER = 4 << 10 };

void linked_init(struct linked *linked, struct loop *loop, bool is_host, void (*wake)(void *arg),
		 void *arg)
{
	*linked = (struct linked){ .loop = loop, .wake = wake, .arg = arg };
	link_init(&linked->link, is_host);
}

void linked_done(struct linked *linked)
{
	if (linked->timer > 0)
		loop_remove_timer(linked->loop, linked->timer);
	linked->timer = 0;
	link_done(&linked->link);
	strbuf_done(&linked->wire);
	linked->sent = 0;
}

void linked_open(struct linked *linked, const unsigned char key[static RESET_KEY_LEN],
		 uint32_t epoch)
{
	link_open(&linked->link, key, epoch, clock_now_ms());
}

bool linked_is_open(const struct linked *linked)
{
	return linked->link.state == LINK_OPEN;
}

void linked_receive(struct linked *linked, const void *data, size_t len)
{
	/* What is lost for want of memory is lost like anything else on the way. */
	(void)!link_receive(&linked->link, data, len, clock_now_ms());
}

int64_t linked_take(struct linked *linked, struct strbuf *in)
{
	struct strbuf *from = &linked->link.in;
	size_t len = from->len;
	int ret;

	if (len == 0)
		return 0;
	ret = strbuf_add(in, from->data, len);
	if (ret < 0)
		return ret;
	strbuf_clear(from);
	link_consumed(&linked->link);
	return (int64_t)len;
}

static void give_back(struct strbuf *buf)
{
	if (buf->len == 0 && buf->cap > KEEP_BUFFER)
		strbuf_done(buf);
}

static void watch(struct linked *linked);

static void on_timer(void *arg)
{
	struct linked *linked = arg;
	struct link *link = &linked->link;

	linked->timer = 0;
	if (link_deadline(link) < 0) {
		/* At rest: the memory of the last burst goes back. */
		give_back(&link->wire);
		give_back(&link->in);
		give_back(&link->out);
		give_back(&linked->wire);
		return;
	}
	if (link_deadline(link) > clock_now_ms()) {
		watch(linked);
		return;
	}
	link_expire(link, clock_now_ms());
	linked->wake(linked->arg);
}

/*
 * One timer is under way while something is unacknowledged. It is not moved with each
 * acknowledgement, which would be two system calls a message: it looks again when it runs out, and
 * so fires once more after the last burst, and then never. Only one that was set when nothing had
 * been heard for long would run out too late once the other side is back.
 */
static void watch(struct linked *linked)
{
	int64_t deadline_ms = link_deadline(&linked->link);
	int64_t now_ms = clock_now_ms();
	int id;

	/* A full descriptor tells by itself when it can take more. */
	if (deadline_ms < 0 || linked->wire.len > 0)
		return;
	if (linked->timer > 0 && linked->timer_ms - deadline_ms < linked->link.resend_min_ms)
		return;
	if (linked->timer > 0)
		loop_remove_timer(linked->loop, linked->timer);
	linked->timer_ms = deadline_ms > now_ms ? deadline_ms : now_ms;
	id = loop_add_timer(linked->loop, linked->timer_ms - now_ms, on_timer, linked);
	linked->timer = id > 0 ? id : 0;
}

/* The next frames, when those before are written. */
static void make_frames(struct linked *linked, const struct strbuf *out, size_t *sent)
{
	size_t room = link_room(&linked->link);
	size_t len = out->len - *sent;

	if (len > room)
		len = room;
	if (len > 0 && link_write(&linked->link, out->data + *sent, len) == 0)
		*sent += len;
	link_transmit(&linked->link, &linked->wire, WIRE_MAX, clock_now_ms());
}

/* 1: all is written, 0: the descriptor is full. */
static int write_wire(struct linked *linked, int fd)
{
	while (linked->sent < linked->wire.len) {
		ssize_t n = write(fd, linked->wire.data + linked->sent,
				  linked->wire.len - linked->sent);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EAGAIN)
			return -errno;
		if (n <= 0)
			return 0;
		linked->sent += (size_t)n;
	}
	strbuf_clear(&linked->wire);
	linked->sent = 0;
	return 1;
}

int linked_flush(struct linked *linked, int fd, const struct strbuf *out, size_t *sent)
{
	int ret = write_wire(linked, fd);

	while (ret == 1) {
		make_frames(linked, out, sent);
		if (linked->wire.len == 0)
			break;
		ret = write_wire(linked, fd);
	}
	watch(linked);
	return ret;
}
