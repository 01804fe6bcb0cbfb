#include "agent/guest/dispatch.h"

#include <errno.h>
#include <stdlib.h>

#include "agent/guest/calls.h"
#include "agent/guest/slots.h"
#include "agent/guest/stream.h"
#include "agent/proto/hyperstart.h"
#include "base/cleanup.h"
#include "base/log.h"

/* A call of CALLS_LIST without a handler does not link. */
static const struct handler {
	uint32_t code;
	call_handler *fn;
} handlers[] = {
#define X(symbol, code_, name, token) { .code = (code_), .fn = handle_##symbol },
	CALLS_LIST(X)
#undef X
};

static call_handler *find_handler(uint32_t code)
{
	for (size_t i = 0; i < sizeof(handlers) / sizeof(handlers[0]); i++)
		if (handlers[i].code == code)
			return handlers[i].fn;
	return NULL;
}

/* What must work while a slow request is under way; the reply keeps its place all the same. */
static bool may_overtake(uint32_t code)
{
	return code == CALL_PING || code == CALL_KILLCONTAINER || code == CALL_SIGNALPROCESS ||
	       code == CALL_WINSIZE || code == CALL_PSCONTAINER || code == CALL_RESUME;
}

static void start_slot(struct guest *guest, struct slot *slot)
{
	call_handler *handler = find_handler(slot->code);
	auto_free char *payload = take_ptr(&slot->payload);

	slot->started = true;
	if (handler)
		handler(guest, slot, payload, slot->len);
	else
		slot_errorf(slot, "No callback found for command \"\" (code %u)", slot->code);
}

/* The first request that may run now. */
static struct slot *find_startable(struct guest *guest)
{
	bool blocked = false;

	for (struct slot *slot = guest->slots; slot; slot = slot->next) {
		if (!slot->started && (slot->number || !blocked || may_overtake(slot->code)))
			return slot;
		if (!slot->done && !slot->number)
			blocked = true;
	}
	return NULL;
}

/* Answering a request wakes the next: that happens here, not from within the handler that answers.
 */
static void run_slots(struct guest *guest)
{
	struct slot *slot;

	if (guest->dispatching || !guest->up)
		return;
	guest->dispatching = true;
	while ((slot = find_startable(guest)))
		start_slot(guest, slot);
	guest->dispatching = false;
}

void dispatch_wake(struct guest *guest)
{
	if (guest->dispatching)
		return;
	run_slots(guest);
	if (guest->ctl->paused && guest->n_slots < SLOTS_MAX / 2)
		channel_pause(guest->ctl, false);
}

static void ctl_connected(void *arg, bool taken_over)
{
	struct guest *guest = arg;

	slots_orphan(guest);
	/* The last host's calls came on until now, and may have started something. */
	if (taken_over)
		streams_suspend(guest);
	guest->extended = false;
	(void)!ctl_encode(&guest->ctl->out, CALL_READY, NULL, 0);
	channel_flush(guest->ctl);
}

/* Says how many bytes were taken: only a host of the old kind waits for it. */
static void send_next(struct guest *guest, size_t fresh)
{
	unsigned char count[4] = { (unsigned char)(fresh >> 24), (unsigned char)(fresh >> 16),
				   (unsigned char)(fresh >> 8), (unsigned char)fresh };

	if (!guest->extended && fresh > 0)
		(void)!ctl_encode(&guest->ctl->out, CALL_NEXT, count, sizeof(count));
}

static void refuse_frame(struct guest *guest)
{
	static const char text[] = "malformed frame: the length is out of bounds";

	log_warning("control channel: %s", text);
	(void)!ctl_encode(&guest->ctl->out, CALL_ERROR, text, sizeof(text) - 1);
	channel_flush(guest->ctl);
}

/* Queues whole frames as long as there is room. Bytes taken, or -EBADMSG. */
static int64_t queue_frames(struct guest *guest, const char *data, size_t len)
{
	struct ctl_frame frame;
	size_t taken = 0;
	int ret;

	while (taken < len && guest->n_slots < SLOTS_MAX) {
		int64_t n = ctl_decode(data + taken, len - taken, &frame);

		if (n < 0)
			return n;
		if (n == 0)
			break;
		taken += (size_t)n;
		ret = slots_add(guest, &frame);
		if (ret == -EBADMSG)
			return ret;
		if (ret < 0)
			log_error("out of memory for a request of %u bytes", frame.len);
	}
	return (int64_t)taken;
}

static int64_t ctl_input(void *arg, const char *data, size_t len, size_t fresh)
{
	struct guest *guest = arg;
	int64_t taken = 0;
	int64_t n;

	send_next(guest, fresh);
	do {
		n = queue_frames(guest, data + taken, len - (size_t)taken);
		if (n < 0)
			refuse_frame(guest);
		else
			taken += n;
		run_slots(guest);
	} while (n > 0);
	if (guest->n_slots >= SLOTS_MAX)
		channel_pause(guest->ctl, true);
	channel_flush(guest->ctl);
	return n < 0 ? n : taken;
}

static void ctl_drained(void *arg)
{
	(void)arg;
}

static void tty_connected(void *arg, bool taken_over)
{
	struct guest *guest = arg;

	if (taken_over)
		streams_suspend(guest);
	channel_flush(guest->tty);
}

static int64_t tty_input(void *arg, const char *data, size_t len, size_t fresh)
{
	struct guest *guest = arg;
	struct tty_frame frame;
	size_t taken = 0;

	(void)fresh;
	while (taken < len && !guest->tty->paused) {
		int64_t n = tty_decode(data + taken, len - taken, &frame);

		if (n < 0)
			log_warning("I/O channel: malformed frame, input dropped");
		if (n < 0)
			return n;
		if (n == 0)
			break;
		taken += (size_t)n;
		streams_input(guest, &frame);
	}
	channel_flush(guest->tty);
	return (int64_t)taken;
}

static void tty_drained(void *arg)
{
	streams_resume(arg);
}

const struct channel_events dispatch_ctl_events = { ctl_connected, ctl_input, ctl_drained };
const struct channel_events dispatch_tty_events = { tty_connected, tty_input, tty_drained };
