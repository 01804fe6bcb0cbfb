/* The system call filter of linux.seccomp; the only file of the guest that knows libseccomp. */
#ifndef AGENT_GUEST_SECCOMP_H
#define AGENT_GUEST_SECCOMP_H

#include "base/error.h"
#include "oci/spec.h"

struct seccomp_filter;
struct sock_fprog;

/*
 * Builds the filter; nothing is in force yet. *filter is NULL when `wanted` is. Names of system
 * calls that are not known are skipped, as runc does; anything else that is not known is refused,
 * and so is SCMP_ACT_NOTIFY, whose listener is a process of the host. A profile that denies what it
 * does not name answers ENOSYS to system calls that are newer than all it names.
 */
int seccomp_make_filter(const struct oci_seccomp *wanted, struct seccomp_filter **filter,
			struct error *err) must_check;
/* Puts it in force for the caller for good, by one system call. NULL does nothing. */
int seccomp_load_filter(const struct seccomp_filter *filter, struct error *err) must_check;

/* What the kernel gets; it lives as long as the filter. */
const struct sock_fprog *seccomp_program(const struct seccomp_filter *filter);

/* Releases its memory; what is in force stays. NULL does nothing. */
void seccomp_drop_filter(struct seccomp_filter *filter);

#endif
