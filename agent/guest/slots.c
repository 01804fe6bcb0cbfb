#include "agent/guest/slots.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/guest/dispatch.h"
#include "agent/proto/calls.h"
#include "agent/proto/hyperstart.h"

struct slot *slots_add(struct guest *guest, uint32_t code, const char *payload, size_t len)
{
	struct slot *slot = calloc(1, sizeof(*slot));
	struct slot **link = &guest->slots;

	if (!slot)
		return NULL;
	slot->payload = malloc(len + 1);
	if (!slot->payload) {
		free(slot);
		return NULL;
	}
	if (len)
		memcpy(slot->payload, payload, len);
	slot->payload[len] = '\0';
	slot->len = len;
	slot->guest = guest;
	slot->code = code;
	while (*link)
		link = &(*link)->next;
	*link = slot;
	guest->n_slots++;
	return slot;
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

/* Sends the replies at the head of the queue that are ready. */
static void send_ready(struct guest *guest)
{
	struct slot *slot;

	while ((slot = guest->slots) && slot->done) {
		if (!slot->orphan && ctl_encode(&guest->ctl->out, slot->reply_code, slot->reply,
						slot->reply_len) < 0)
			(void)!ctl_encode(&guest->ctl->out, CALL_ERROR, "reply too large", 15);
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
