/* Bytes on their way out of a non-blocking socket. */
#ifndef ACRUN_PROXY_OUTQ_H
#define ACRUN_PROXY_OUTQ_H

#include <stddef.h>
#include "base/error.h"
#include "base/strbuf.h"

/* Zero-initialised is empty. New bytes are appended to buf. */
struct outq {
	struct strbuf buf;
	size_t sent; /* of buf, from the front */
};

/* Bytes not yet sent. */
size_t outq_len(const struct outq *queue);
/* Sends what the socket takes: 1 when the queue is empty, 0 when the socket is full, -errno when it
 * is broken. */
int outq_flush(struct outq *queue, int fd) must_check;
void outq_done(struct outq *queue);
/* Empties buf; gives the memory back when it has become large. */
void outq_shrink(struct strbuf *buf);

#endif
