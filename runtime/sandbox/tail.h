/* The last words of a log file, made fit for one line of an error message. */
#ifndef RUNTIME_SANDBOX_TAIL_H
#define RUNTIME_SANDBOX_TAIL_H

#include <stddef.h>
#include "base/strbuf.h"

/*
 * Appends the last `lines` non-empty lines of dir/name, joined by "; ", printable characters only,
 * at most 600 bytes. Nothing is appended when there is no such text.
 */
void tail_add(struct strbuf *buf, int dir_fd, const char *name, unsigned lines);

#endif
