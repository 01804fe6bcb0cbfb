/* Warming a machine up: an emulator translates each path of the guest's code the first time it is
 * taken, and keeps that as long as it runs. */
#ifndef RUNTIME_FACTORY_WARM_H
#define RUNTIME_FACTORY_WARM_H

#include "runtime/factory/machine.h"

/*
 * Has the guest of a running machine go through the life of a container, from the mount of its
 * share to the end, with a program of ours, and leaves it as it was. `program` is a static
 * executable of the host that ends by itself. After a failure the machine is not fit for use.
 */
int warm_up(const struct machine *machine, const char *program, int64_t deadline_ms,
	    struct error *err) must_check;

#endif
