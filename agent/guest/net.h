/* Network of the machine, which all containers of the pod share. */
#ifndef AGENT_GUEST_NET_H
#define AGENT_GUEST_NET_H

#include "base/error.h"

int net_loopback_up(struct error *err) must_check;

#endif
