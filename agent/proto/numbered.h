/*
 * Numbered control frames, an extension that the agent announces by the feature "numbered": a
 * request that carries a number of the host's choice, and its answer with the same number. So
 * answers may come in any order, and a slow call holds up no other. Plain requests may be mixed in
 * and keep their order.
 */
#ifndef AGENT_PROTO_NUMBERED_H
#define AGENT_PROTO_NUMBERED_H

#include "agent/proto/hyperstart.h"

enum {
	CTL_NUMBERED = 96,	/* code of the frame; what it wraps has its own */
	NUMBERED_HEADER_LEN = 8 /* u32 number, u32 code */
};

/* Appends one frame. As ctl_encode(). */
int numbered_encode(struct strbuf *buf, uint32_t number, uint32_t code, const void *payload,
		    size_t len) must_check;
/* Takes apart the payload of a frame of CTL_NUMBERED; inner points into it. -EBADMSG when it is too
 * short to be one. */
int numbered_decode(const struct ctl_frame *frame, uint32_t *number, struct ctl_frame *inner)
	must_check;

#endif
