/*
 * System calls that are newer than a profile: programs try them and go on with older ones when they
 * hear ENOSYS, but take EPERM for an answer. What runs before the profile's own filter says ENOSYS
 * to all numbers above the highest that the profile knows.
 */
#ifndef AGENT_GUEST_SECCOMP_STUB_H
#define AGENT_GUEST_SECCOMP_STUB_H

#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* x32 shares the architecture of x86_64; its calls have this bit. */
#define SECCOMP_STUB_X32_BIT 0x40000000U

struct seccomp_stub_row {
	uint32_t audit_arch; /* AUDIT_ARCH_ */
	bool x32;
	uint32_t last; /* the highest call that is known, with its bit */
};

enum { SECCOMP_STUB_ROW_LEN = 6 };

/* Writes n rows of SECCOMP_STUB_ROW_LEN instructions each to `out`; the filter follows behind. */
void seccomp_stub_write(const struct seccomp_stub_row *rows, size_t n, struct sock_filter *out);

#endif
