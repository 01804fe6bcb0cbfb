/* The system call filter of linux.seccomp; the only file of the guest that knows libseccomp. */
#ifndef AGENT_GUEST_SECCOMP_H
#define AGENT_GUEST_SECCOMP_H

#include "base/error.h"
#include "oci/spec.h"

struct seccomp_filter;

/*
 * Builds the filter; nothing is in force yet. *filter is NULL when `wanted` is. Names of system
 * calls that are not known are skipped, as runc does; anything else that is not known is refused,
 * and so is SCMP_ACT_NOTIFY, whose listener is a process of the host.
 */
int seccomp_make_filter(const struct oci_seccomp *wanted, struct seccomp_filter **filter,
			struct error *err) must_check;
/* Puts it in force for the caller for good, and releases it. NULL does nothing. */
int seccomp_load_filter(struct seccomp_filter *filter, struct error *err) must_check;

/* Releases one that is not to be loaded. NULL does nothing. */
void seccomp_drop_filter(struct seccomp_filter *filter);

#endif
