/* Can this host run virtual machines for containers? Each finding comes with its remedy. */
#ifndef RUNTIME_CHECK_CHECK_H
#define RUNTIME_CHECK_CHECK_H

#include <stdbool.h>
#include "hypervisor/host_check.h"

struct check_request {
	const char *root;   /* absolute */
	const char *config; /* NULL: found by the usual order */
	bool boot;	    /* also boot a machine: makes the template */
	bool create;	    /* also have the hypervisor make an empty VM, where that can be */
};

/* Looks at everything and goes on whatever it finds; may probe for seconds. -ENOMEM only. */
int check_run(const struct check_request *request, const struct host_checks *checks) must_check;

#endif
