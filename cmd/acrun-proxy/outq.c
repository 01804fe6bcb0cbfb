#include "cmd/acrun-proxy/outq.h"

#include <errno.h>
#include <sys/socket.h>

enum { KEPT_CAP = 4096, COMPACT_AT = 64 << 10 };

size_t outq_len(const struct outq *queue)
{
	return queue->buf.len - queue->sent;
}

void outq_shrink(struct strbuf *buf)
{
	if (buf->cap > KEPT_CAP)
		strbuf_done(buf);
	else
		strbuf_clear(buf);
}

int outq_flush(struct outq *queue, int fd)
{
	while (outq_len(queue) > 0) {
		ssize_t n = send(fd, queue->buf.data + queue->sent, outq_len(queue),
				 MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EAGAIN)
			return -errno;
		if (n > 0)
			queue->sent += (size_t)n;
		if (n <= 0)
			break;
	}
	if (outq_len(queue) == 0) {
		queue->sent = 0;
		outq_shrink(&queue->buf);
		return 1;
	}
	if (queue->sent >= COMPACT_AT) {
		strbuf_consume(&queue->buf, queue->sent);
		queue->sent = 0;
	}
	return 0;
}

void outq_done(struct outq *queue)
{
	strbuf_done(&queue->buf);
	queue->sent = 0;
}
