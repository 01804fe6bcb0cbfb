/*
 * Our descriptors 0, 1 and 2. They were inherited: others may share their open file description, so
 * O_NONBLOCK is never set on them. Pipes and terminals are opened once more, which gives a
 * description of our own; sockets are asked not to wait call by call; files never block.
 */
#ifndef ACRUN_SHIM_STDIO_H
#define ACRUN_SHIM_STDIO_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum stdio_kind {
	STDIO_ABSENT,  /* was not open: no input, output is thrown away */
	STDIO_OWN,     /* io_fd is ours and non-blocking */
	STDIO_SOCKET,  /* MSG_DONTWAIT */
	STDIO_PLAIN,   /* a file or device that never blocks */
	STDIO_CAREFUL, /* cannot be opened again: little at a time, and only when poll says so */
};

struct stdio {
	int fd;	   /* 0, 1 or 2: what is watched */
	int io_fd; /* what is read or written */
	enum stdio_kind kind;
};

/* Makes sure that 0, 1 and 2 are open (what is missing becomes /dev/null) and closes all above but
 * the two of `keep` (-1: none). */
void stdio_claim(struct stdio stdio[static 3], const int keep[static 2]);
/* Decides how each is read or written. */
void stdio_open(struct stdio *stdio);
void stdio_close(struct stdio *stdio);
/* As read(2): 0 is the end; a terminal that was hung up ends too. -EAGAIN when there is nothing
 * now. */
ssize_t stdio_read(struct stdio *stdio, void *data, size_t len);
/* As write(2); -EAGAIN when it is full now. */
ssize_t stdio_write(struct stdio *stdio, const void *data, size_t len);

#endif
