/* The guest's console: always read, so that the guest never blocks on it; kept in a bounded file.
 */
#ifndef ACRUN_PROXY_CONSOLE_H
#define ACRUN_PROXY_CONSOLE_H

#include <stddef.h>
#include "base/error.h"
#include "base/loop.h"

/* A file never grows beyond this; one older file (".1") is kept beside it. */
enum { CONSOLE_FILE_MAX = 256 << 10 };

struct console {
	struct loop *loop;
	int fd;		  /* socket of the VMM, -1: none */
	int log_fd;	  /* -1: thrown away */
	char *log_path;	  /* NULL: thrown away */
	size_t log_bytes; /* in the current file */
};

/* Reads the (non-blocking) socket fd, which it owns from here on, into log_path (NULL: nowhere). */
int console_start(struct console *console, struct loop *loop, int fd, const char *log_path,
		  struct error *err) must_check;
/* Stops and closes; fine for a console that was never started (fd -1). */
void console_stop(struct console *console);

#endif
