#include "agent/guest/events.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agent/guest/container.h"
#include "base/cleanup.h"

enum { WAITERS_MAX = 64 };

struct event {
	uint64_t number;
	const char *type;
	char *container;
	char *process;
	uint32_t status;
	struct timespec when;
};

/* A request that waits: for any event behind `after`, or for the end of one process. */
struct waiter {
	struct waiter *next;
	struct guest *guest;
	struct slot *slot;
	int timer;
	uint64_t after;
	char *container; /* NULL: any */
	char *process;	 /* NULL: it is events that are waited for */
};

struct events {
	struct event kept[CALL_EVENTS_KEPT]; /* event n is at n modulo the size */
	uint64_t last;
	struct waiter *waiters;
	size_t n_waiters;
};

struct events *events_new(void)
{
	return calloc(1, sizeof(struct events));
}

void events_free(struct events *events)
{
	for (size_t i = 0; events && i < CALL_EVENTS_KEPT; i++) {
		free(events->kept[i].container);
		free(events->kept[i].process);
	}
	free(events);
}

static bool is_set(const char *text)
{
	return text && *text;
}

/* The event of that number, NULL when it was pushed out or is yet to come. */
static const struct event *find(const struct events *events, uint64_t number)
{
	const struct event *event = &events->kept[number % CALL_EVENTS_KEPT];

	return number > 0 && event->number == number ? event : NULL;
}

static uint64_t oldest(const struct events *events)
{
	return events->last < CALL_EVENTS_KEPT ? 1 : events->last - CALL_EVENTS_KEPT + 1;
}

static void answer_events(const struct events *events, const char *container, uint64_t after,
			  struct slot *slot)
{
	auto_free struct call_event *rows = calloc(CALL_EVENTS_KEPT, sizeof(*rows));
	auto_strbuf struct strbuf text = { 0 };
	struct call_waitevents_reply reply = { .last = events->last };
	uint64_t first = after >= oldest(events) ? after + 1 : oldest(events);

	for (uint64_t n = first; rows && n <= events->last; n++) {
		const struct event *event = find(events, n);

		if (!event || (is_set(container) && strcmp(container, event->container) != 0))
			continue;
		rows[reply.events.len++] =
			(struct call_event){ .number = event->number,
					     .type = event->type,
					     .container = event->container,
					     .process = event->process,
					     .status = event->status,
					     .sec = event->when.tv_sec,
					     .nsec = (uint32_t)event->when.tv_nsec };
	}
	reply.events.items = rows;
	if (!rows || json_encode(&call_waitevents_reply_type, &reply, 0, &text) < 0)
		slot_errorf(slot, "tell events: cannot allocate memory");
	else
		slot_ack(slot, text.data, text.len);
}

static bool has_event(const struct events *events, const char *container, uint64_t after)
{
	uint64_t first = after >= oldest(events) ? after + 1 : oldest(events);

	for (uint64_t n = first; n <= events->last; n++) {
		const struct event *event = find(events, n);

		if (event && (!is_set(container) || !strcmp(container, event->container)))
			return true;
	}
	return false;
}

/* The last end of a process of that name, NULL when none is remembered. */
static const struct event *find_exit(const struct events *events, const char *container,
				     const char *process)
{
	for (uint64_t n = events->last; n >= oldest(events) && n > 0; n--) {
		const struct event *event = find(events, n);

		if (event && !strcmp(event->type, "exit") && !strcmp(event->container, container) &&
		    event->process && !strcmp(event->process, process))
			return event;
	}
	return NULL;
}

static void answer_process(const struct event *event, struct slot *slot)
{
	auto_strbuf struct strbuf text = { 0 };
	const struct call_waitprocess_reply reply = { .exited = event != NULL,
						      .status = event ? event->status : 0 };

	if (json_encode(&call_waitprocess_reply_type, &reply, 0, &text) < 0)
		slot_errorf(slot, "tell an exit status: cannot allocate memory");
	else
		slot_ack(slot, text.data, text.len);
}

static void waiter_free(struct waiter *waiter)
{
	struct events *events = waiter->guest->events;
	struct waiter **link = &events->waiters;

	while (*link && *link != waiter)
		link = &(*link)->next;
	if (*link) {
		*link = waiter->next;
		events->n_waiters--;
	}
	if (waiter->timer > 0)
		loop_remove_timer(waiter->guest->loop, waiter->timer);
	free(waiter->container);
	free(waiter->process);
	free(waiter);
}

/* Answers with what there is by now. */
static void finish(struct waiter *waiter, const struct event *exit)
{
	if (waiter->process)
		answer_process(exit, waiter->slot);
	else
		answer_events(waiter->guest->events, waiter->container, waiter->after,
			      waiter->slot);
	waiter_free(waiter);
}

static void on_timeout(void *arg)
{
	struct waiter *waiter = arg;

	waiter->timer = 0;
	finish(waiter, NULL);
}

/* Has the event what this one waits for? */
static bool concerns(const struct waiter *waiter, const struct event *event)
{
	if (is_set(waiter->container) && strcmp(waiter->container, event->container) != 0)
		return false;
	return !waiter->process || (!strcmp(event->type, "exit") && event->process &&
				    !strcmp(waiter->process, event->process));
}

static void wake(struct events *events, const struct event *event)
{
	struct waiter *next;

	for (struct waiter *waiter = events->waiters; waiter; waiter = next) {
		next = waiter->next;
		if (waiter->slot->orphan || concerns(waiter, event))
			finish(waiter, event);
	}
}

void events_add(struct guest *guest, const char *type, const char *container, const char *process,
		uint32_t status)
{
	struct events *events = guest->events;
	struct event event = { .type = type, .status = status };
	struct event *place;

	if (!events)
		return;
	event.container = strdup(container);
	event.process = process ? strdup(process) : NULL;
	if (!event.container || (process && !event.process)) {
		free(event.container);
		free(event.process);
		return;
	}
	(void)clock_gettime(CLOCK_REALTIME, &event.when);
	event.number = ++events->last;
	place = &events->kept[event.number % CALL_EVENTS_KEPT];
	free(place->container);
	free(place->process);
	*place = event;
	wake(events, place);
}

static void wait_for(struct guest *guest, const struct waiter *what, uint32_t timeout_ms,
		     struct slot *slot)
{
	struct events *events = guest->events;
	struct waiter *waiter = NULL;
	int ret = 0;

	if (events->n_waiters < WAITERS_MAX)
		waiter = calloc(1, sizeof(*waiter));
	if (!waiter) {
		slot_errorf(slot, "too many calls wait for events");
		return;
	}
	*waiter = (struct waiter){ .guest = guest, .slot = slot, .after = what->after };
	waiter->container = what->container ? strdup(what->container) : NULL;
	waiter->process = what->process ? strdup(what->process) : NULL;
	if ((what->container && !waiter->container) || (what->process && !waiter->process))
		ret = -1;
	if (ret == 0)
		ret = waiter->timer = loop_add_timer(guest->loop, timeout_ms, on_timeout, waiter);
	if (ret < 0) {
		waiter->timer = 0;
		waiter_free(waiter);
		slot_errorf(slot, "wait for events: cannot allocate memory");
		return;
	}
	waiter->next = events->waiters;
	events->waiters = waiter;
	events->n_waiters++;
}

/* An answer that leaves in its turn must not keep all behind it waiting. */
static uint32_t wait_ms(const struct slot *slot, uint32_t wanted)
{
	if (!slot->number)
		return 0;
	return wanted < CALL_WAIT_MAX_MS ? wanted : CALL_WAIT_MAX_MS;
}

uint64_t events_last(const struct guest *guest)
{
	return guest->events ? guest->events->last : 0;
}

void events_wait(struct guest *guest, const struct call_waitevents *call, struct slot *slot)
{
	const struct container *container = container_find(guest, call->container);
	struct waiter what = { .after = call->after, .container = (char *)call->container };
	uint32_t timeout_ms = wait_ms(slot, call->timeout_ms);

	if (container && container->after_event > what.after)
		what.after = container->after_event;
	if (!guest->events)
		slot_errorf(slot, "events are not kept: cannot allocate memory");
	else if (timeout_ms == 0 || has_event(guest->events, call->container, what.after))
		answer_events(guest->events, call->container, what.after, slot);
	else
		wait_for(guest, &what, timeout_ms, slot);
}

void events_wait_process(struct guest *guest, const struct call_waitprocess *call, bool alive,
			 struct slot *slot)
{
	const char *process = is_set(call->process) ? call->process : "init";
	const struct waiter what = { .container = (char *)call->container,
				     .process = (char *)process };
	uint32_t timeout_ms = wait_ms(slot, call->timeout_ms);
	const struct event *exit;

	if (!guest->events) {
		slot_errorf(slot, "events are not kept: cannot allocate memory");
		return;
	}
	exit = alive ? NULL : find_exit(guest->events, call->container, process);
	if (!alive && !exit)
		slot_errorf(slot, "process '%s' does not exist in container '%s'", process,
			    call->container);
	else if (exit || timeout_ms == 0)
		answer_process(exit, slot);
	else
		wait_for(guest, &what, timeout_ms, slot);
}
