#include "agent/guest/slots.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/guest/dispatch.h"
#include "agent/proto/calls.h"
#include "agent/proto/numbered.h"

static struct slot *make_slot(const struct ctl_frame *request)
{
	struct slot *slot = calloc(1, sizeof(*slot));

	if (!slot)
		return NULL;
	slot->payload = malloc((size_t)request->len + 1);
	if (!slot->payload) {
		free(slot);
		return NULL;
	}
	if (request->len)
		memcpy(slot->payload, request->payload, request->len);
	slot->payload[request->len] = '\0';
	slot->len = request->len;
	slot->code = request->code;
	return slot;
}

/* Sees to the answer of a request that has come before. Its peer is another one now. */
static bool answer_again(struct guest *guest, uint64_t key, uint32_t number)
{
	const struct answer *known = answers_find(&guest->answers, key);

	if (known) {
		(void)!numbered_encode(&guest->ctl->out, number, known->code, known->data,
				       known->len);
		return true;
	}
	for (struct slot *slot = guest->slots; slot; slot = slot->next) {
		if (slot->key != key)
			continue;
		slot->number = number;
		slot->orphan = false;
		return true;
	}
	return false;
}

static int read_header(const struct ctl_frame *frame, uint64_t *key, uint32_t *number,
		       struct ctl_frame *request)
{
	*key = 0;
	*number = 0;
	*request = *frame;
	if (frame->code == CTL_ONCE)
		return once_decode(frame, key, number, request);
	if (frame->code == CTL_NUMBERED &&
	    (numbered_decode(frame, number, request) < 0 || *number == 0))
		return -EBADMSG;
	return 0;
}

int slots_add(struct guest *guest, const struct ctl_frame *frame)
{
	struct slot **link = &guest->slots;
	struct ctl_frame request;
	struct slot *slot;
	uint32_t number;
	uint64_t key;

	if (read_header(frame, &key, &number, &request) < 0)
		return -EBADMSG;
	if (key && answer_again(guest, key, number))
		return 0;
	slot = make_slot(&request);
	if (!slot)
		return -ENOMEM;
	slot->guest = guest;
	slot->number = number;
	slot->key = key;
	while (*link)
		link = &(*link)->next;
	*link = slot;
	guest->n_slots++;
	return 0;
}

static void remove_slot(struct guest *guest, struct slot *slot)
{
	struct slot **link = &guest->slots;

	while (*link != slot)
		link = &(*link)->next;
	*link = slot->next;
	guest->n_slots--;
	free(slot->payload);
	free(slot->reply);
	free(slot);
}

static int encode_reply(struct strbuf *out, const struct slot *slot, uint32_t code,
			const void *data, size_t len)
{
	return slot->number ? numbered_encode(out, slot->number, code, data, len)
			    : ctl_encode(out, code, data, len);
}

/* Sends the replies that are ready: any numbered one, and plain ones at the head of their queue. */
static void send_ready(struct guest *guest)
{
	struct strbuf *out = &guest->ctl->out;
	struct slot *next;
	bool in_order = true;

	for (struct slot *slot = guest->slots; slot; slot = next) {
		next = slot->next;
		if (!slot->done || (!slot->number && !in_order)) {
			in_order &= slot->number != 0;
			continue;
		}
		if (!slot->orphan && encode_reply(out, slot, slot->reply_code, slot->reply,
						  slot->reply_len) == -E2BIG)
			(void)!encode_reply(out, slot, CALL_ERROR, "reply too large", 15);
		remove_slot(guest, slot);
	}
	channel_flush(guest->ctl);
	dispatch_wake(guest);
}

static void answer(struct slot *slot, uint32_t code, const void *data, size_t len)
{
	assert(!slot->done);
	slot->done = true;
	slot->reply_code = code;
	slot->reply = len ? malloc(len) : NULL;
	if (slot->reply) {
		memcpy(slot->reply, data, len);
		slot->reply_len = len;
	}
	if (slot->key)
		answers_keep(&slot->guest->answers, slot->key, code, data, len);
	send_ready(slot->guest);
}

void slot_ack(struct slot *slot, const void *data, size_t len)
{
	answer(slot, CALL_ACK, data, len);
}

void slot_error(struct slot *slot, const struct error *err)
{
	answer(slot, CALL_ERROR, err->text, strlen(err->text));
}

void slot_errorf(struct slot *slot, const char *fmt, ...)
{
	char text[1024];
	va_list args;

	va_start(args, fmt);
	if (vsnprintf(text, sizeof(text), fmt, args) < 0)
		text[0] = '\0';
	va_end(args);
	answer(slot, CALL_ERROR, text, strlen(text));
}

void slot_finish(struct slot *slot, const struct error *err)
{
	if (err && err->code)
		slot_error(slot, err);
	else
		slot_ack(slot, NULL, 0);
}

void slots_orphan(struct guest *guest)
{
	struct slot *slot = guest->slots;

	while (slot) {
		struct slot *next = slot->next;

		slot->orphan = true;
		if (!slot->started || slot->done)
			remove_slot(guest, slot);
		slot = next;
	}
}
