/* The calls that start a process: they wait for the shim of their token, and get its streams
 * written into their body. */
#ifndef ACRUN_PROXY_STARTS_H
#define ACRUN_PROXY_STARTS_H

#include <stddef.h>
#include "agent/proto/calls.h"

struct proxy;
struct request;
struct session;
struct start;
struct vm_request;

/* Starts what the body of the call (JSON, NUL-terminated) describes; token NULL: nobody listens.
 * Answers the request, now or later. */
void start_process(struct proxy *proxy, struct request *request, const struct vm_request *call,
		   const char *token);
/* The shim has come: sends the call if it is still wanted. */
void start_go(struct session *session);
/* Gives up a call that was not sent yet, with `why` as the answer. */
void start_cancel(struct session *session, const char *why);

/* A signal from the shim; rows and columns are 0 when not given. Answers the request (NULL: nobody
 * asks). */
void signal_process(struct session *session, struct request *request, int signo, uint32_t rows,
		    uint32_t columns);
/* Delivers what was held until the process was there. */
void signal_held(struct session *session);

#endif
