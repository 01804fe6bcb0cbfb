/* Processes of sandboxes whose directory is gone. */
#ifndef RUNTIME_SANDBOX_ORPHANS_H
#define RUNTIME_SANDBOX_ORPHANS_H

#include <stdbool.h>

/*
 * Ends the proxies, shims and VMMs of sandboxes that were under root, an absolute path, and whose
 * directory is not there any more; `tell` is called once for each such sandbox. dry_run: no more
 * than that.
 */
void orphans_end(const char *root, bool dry_run, void (*tell)(const void *arg, const char *id),
		 const void *arg);

#endif
