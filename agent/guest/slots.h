/*
 * The requests that are not answered yet. Numbered ones run at once, and their replies leave when
 * they are ready. Replies to plain ones leave in the order of the requests; a plain request that
 * may not overtake others waits here until all plain ones before it are answered.
 */
#ifndef AGENT_GUEST_SLOTS_H
#define AGENT_GUEST_SLOTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "agent/guest/guest.h"
#include "agent/proto/hyperstart.h"
#include "base/error.h"

enum { SLOTS_MAX = 256 };

struct slot {
	struct slot *next;
	struct guest *guest;
	uint32_t code;
	uint32_t number; /* of a numbered request; 0: plain, answered in order */
	uint64_t key;	 /* of a request that may come again; 0: none */
	char *payload;	 /* of the request, NUL-terminated; gone once it is started */
	size_t len;
	bool started;
	bool done;
	bool orphan; /* its peer is gone: the reply goes nowhere */
	uint32_t reply_code;
	char *reply;
	size_t reply_len;
};

/* Appends a request, plain, CTL_NUMBERED or CTL_ONCE (its payload is copied). One that has come
 * before is answered, or will be when it is done. -ENOMEM, or -EBADMSG when its number or key
 * cannot be. */
int slots_add(struct guest *guest, const struct ctl_frame *frame) must_check;
/* Answer a request: now or later, once. The slot may be gone afterwards. */
void slot_ack(struct slot *slot, const void *data, size_t len);
void slot_error(struct slot *slot, const struct error *err);
void slot_errorf(struct slot *slot, const char *fmt, ...) printf_like(2, 3);
/* ACK when err is NULL or unset, else ERROR. */
void slot_finish(struct slot *slot, const struct error *err);
/* The peer is gone: no pending reply is sent any more. Requests not yet started are forgotten. */
void slots_orphan(struct guest *guest);

#endif
