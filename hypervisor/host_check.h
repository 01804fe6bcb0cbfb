/* What a look at the host found: for `acrun check`, where each finding comes with its remedy. */
#ifndef HYPERVISOR_HOST_CHECK_H
#define HYPERVISOR_HOST_CHECK_H

#include "base/error.h"

enum host_check_status {
	HOST_CHECK_OK,
	HOST_CHECK_WARN, /* virtual machines run, but slower or with less */
	HOST_CHECK_FAIL, /* they do not */
};

/* One finding. Nothing is owned; the texts need to live during the call of `add` only. */
struct host_check {
	const char *name; /* a word for scripts: "kvm", "kernel" */
	enum host_check_status status;
	const char *detail; /* what was found, on what: one line, lower case, no full stop */
	const char *remedy; /* what to do about it; NULL or "" when OK */
};

/* Where findings go. */
struct host_checks {
	void (*add)(void *arg, const struct host_check *check);
	void *arg;
};

/* Adds a finding whose detail is formatted here. */
void host_check_add(const struct host_checks *checks, const char *name,
		    enum host_check_status status, const char *remedy, const char *fmt, ...)
	printf_like(5, 6);

/* Adds what a check that returns an error has found: OK with `detail` for 0, else FAIL with the
 * error's text. */
void host_check_add_result(const struct host_checks *checks, const char *name, int ret,
			   const char *detail, const struct error *err, const char *remedy);

#endif
