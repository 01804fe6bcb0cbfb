/* Processes of a sandbox whose state cannot be read. */
#ifndef RUNTIME_SANDBOX_LEFTOVERS_H
#define RUNTIME_SANDBOX_LEFTOVERS_H

/*
 * Ends every process that has the proxy's socket or the shared directory of the sandbox in `dir` on
 * its command line: so do the VMM, the proxy and the shims. Returns how many there were.
 */
unsigned leftovers_end(const char *dir);

#endif
