/* What each frame of a client means. */
#ifndef ACRUN_PROXY_ROUTER_H
#define ACRUN_PROXY_ROUTER_H

#include "agent/proto/ccproxy.h"

struct client;
struct vm;
struct start;

/* Acts on one frame. A negative value ends the connection. */
int router_take_frame(struct client *client, const struct ccproxy_frame *frame) must_check;
/* Answers RegisterVM: the VM is up, or err tells why it is not. */
void router_registered(struct vm *vm, const struct error *err);

#endif
