/* Sessions of a proxy that died: their shims say where they stand, and the agent goes on from
 * there. */
#ifndef ACRUN_PROXY_RESUME_H
#define ACRUN_PROXY_RESUME_H

#include <stdbool.h>
#include <stdint.h>

struct proxy;
struct request;
struct session;

/* Bytes of stdout and stderr since the start: received by the shim, and written of those. */
struct resume_point {
	uint64_t received[2];
	uint64_t taken[2];
	bool wanted; /* the shim keeps count */
};

/* Connects a shim with its session; answers the request, now or later. */
void resume_session(struct session *session, struct request *request,
		    const struct resume_point *point);
/* It is known by now whether the session's process was started. */
void resume_settled(struct session *session, bool started);
/* Ends the sessions whose shims have not come back: they died when nobody could notice. */
void resume_end_missing(struct proxy *proxy);

#endif
