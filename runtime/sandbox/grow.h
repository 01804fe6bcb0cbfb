/* A machine that runs gets larger, for all containers that are in it. */
#ifndef RUNTIME_SANDBOX_GROW_H
#define RUNTIME_SANDBOX_GROW_H

#include "runtime/agent_client/client.h"
#include "runtime/sandbox/size.h"
#include "runtime/sandbox/store.h"

/*
 * What all containers of this sandbox ask for, with `limits` in place of what the state of
 * container `id` has. Those that have stopped ask for nothing.
 */
int grow_sum(const struct record *sandbox, const char *root, const char *id,
	     const struct size_limits *limits, struct size_limits *sum, struct error *err)
	must_check;

/* Plugs in what the sandbox's machine lacks of that, and has the guest use it. The record is locked
 * by the caller; what has come is saved whatever follows. */
int grow_machine(struct record *sandbox, const struct size_limits *sum, struct client *client,
		 const struct client_wait *wait, struct error *err) must_check;

#endif
