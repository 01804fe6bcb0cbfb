/* What the guest of a container has written to its console: kept by the proxy in two bounded files.
 */
#ifndef RUNTIME_SANDBOX_CONSOLE_LOG_H
#define RUNTIME_SANDBOX_CONSOLE_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include "base/error.h"

/* Gets the next piece; bytes of the guest, to be taken as such. Non-zero ends the reading with that
 * value. */
typedef int console_log_fn(void *arg, const char *data, size_t len);

/*
 * Reads the console of the machine that the container runs in: the last `lines` lines that are
 * there (SIZE_MAX: all), and with `follow` what is added until the machine's proxy ends. Returns
 * what `fn` does, or 0, or -ENOENT with "container does not exist".
 */
int console_log_read(const char *root, const char *id, size_t lines, bool follow,
		     console_log_fn *fn, void *arg, struct error *err) must_check;

#endif
