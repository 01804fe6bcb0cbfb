/* Network of the machine, which all containers of the pod share. */
#ifndef AGENT_GUEST_NET_H
#define AGENT_GUEST_NET_H

#include "agent/proto/calls.h"
#include "base/error.h"

int net_loopback_up(struct error *err) must_check;
/*
 * Sets one interface up: found by its MAC address, else by name; renamed, given its MTU and
 * addresses, and brought up. What it has already stays. Waits some seconds for it to appear, so
 * call it in a worker.
 */
int net_set_interface(const struct call_interface *interface, struct error *err) must_check;
/* Adds or replaces routes, those without a gateway first: gateways of others may depend on them. */
int net_set_routes(const struct call_route *routes, size_t n, struct error *err) must_check;

#endif
