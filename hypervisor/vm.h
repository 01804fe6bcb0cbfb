/* What the backends share about a VM that runs or ran. */
#ifndef HYPERVISOR_VM_H
#define HYPERVISOR_VM_H

#include <stddef.h>
#include "base/error.h"
#include "base/proc.h"

/*
 * The last words of a VMM: the end of what it wrote to its log, as one line (lines joined by "; ",
 * anything unprintable as
 * '?'), cut at the front to what fits into len bytes with the NUL. log_fd is any descriptor of the
 * log file, even a write-only one; its offset is not moved. Returns the length of the text; 0 and
 * "" when the log is empty or cannot be read.
 */
size_t vm_last_words(int log_fd, char *out, size_t len);

/* Kills the VMM at once and waits until it is gone; reaps it if it is a child of ours. Fine when it
 * is gone already. */
int vm_kill(const struct proc_id *vmm, struct error *err) must_check;

#endif
