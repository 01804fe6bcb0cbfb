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
	CTL_NUMBERED = 96,	 /* code of the frame; what it wraps has its own */
	CTL_ONCE = 97,		 /* the same with a key, see below */
	NUMBERED_HEADER_LEN = 8, /* u32 number, u32 code */
	ONCE_HEADER_LEN = 16,	 /* u64 key, u32 number, u32 code */
};

/* Appends one frame. As ctl_encode(). */
int numbered_encode(struct strbuf *buf, uint32_t number, uint32_t code, const void *payload,
		    size_t len) must_check;
/* Takes apart the payload of a frame of CTL_NUMBERED; inner points into it. -EBADMSG when it is too
 * short to be one. */
int numbered_decode(const struct ctl_frame *frame, uint32_t *number, struct ctl_frame *inner)
	must_check;

/*
 * The feature "once": a numbered request with a key that its maker has chosen at random. Whoever
 * does not know what has become of a request, since the host's end of the channel was lost, sends
 * it again with the same key: it is carried out once, and answered each time. The answer is a plain
 * numbered one. With an empty body only the answer is asked for.
 */
int once_encode(struct strbuf *buf, uint64_t key, uint32_t number, uint32_t code,
		const void *payload, size_t len) must_check;
/* As numbered_decode(); -EBADMSG as well when key or number is 0. */
int once_decode(const struct ctl_frame *frame, uint64_t *key, uint32_t *number,
		struct ctl_frame *inner) must_check;

#endif
