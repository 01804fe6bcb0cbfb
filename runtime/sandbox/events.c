#include "runtime/sandbox/control.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include "agent/proto/calls_control.h"
#include "base/clock.h"
#include "runtime/agent_client/agent.h"
#include "runtime/sandbox/attach.h"
#include "runtime/sandbox/stats_json.h"
#include "runtime/sandbox/store.h"

enum { CALL_TIMEOUT_MS = 15000, IMPATIENT_MS = 1000 };

struct watch {
	const char *id;
	int64_t interval_ms;
	events_line *print;
	void *arg;
	struct client client;
	struct client_wait wait;
	uint64_t last; /* number of the last event that was seen */
	bool ended;    /* the container has, or nobody wants more lines */
};

static int ask(struct watch *watch, const struct agent_request *request, uint32_t waits_ms,
	       const struct json_type *type, struct arena *arena, void *reply, struct error *err)
{
	auto_strbuf struct strbuf text = { 0 };
	int ret;

	watch->wait.deadline_ms = clock_now_ms() + CALL_TIMEOUT_MS + waits_ms;
	ret = agent_ask(&watch->client, request, &watch->wait, &text, err);
	if (ret < 0)
		return ret;
	ret = json_decode(type, strbuf_str(&text), text.len, NULL, arena, reply, err);
	return ret < 0 ? err_ctx(err, "answer of the guest") : 0;
}

static void print_line(struct watch *watch, const char *line)
{
	if (!watch->ended && !watch->print(watch->arg, line))
		watch->ended = true;
}

static int print_stats(struct watch *watch, struct error *err)
{
	const struct call_container body = { .container = watch->id };
	const struct agent_request request = { .code = CALL_STATSCONTAINER,
					       .type = &call_container_type,
					       .body = &body };
	auto_arena struct arena arena = { 0 };
	auto_strbuf struct strbuf line = { 0 };
	struct call_stats stats;
	int ret = ask(watch, &request, 0, &call_stats_type, &arena, &stats, err);

	if (ret < 0)
		return ret;
	ret = stats_json_format(watch->id, &stats, &line);
	if (ret < 0)
		return err_set(err, ret, "format the statistics of '%s'", watch->id);
	print_line(watch, line.data);
	return 0;
}

/* Takes note of the end of the container, and prints the others. */
static int take_event(struct watch *watch, const struct call_event *event, bool print)
{
	auto_strbuf struct strbuf line = { 0 };

	if (!strcmp(event->type, "exit")) {
		watch->ended |= event->process && !strcmp(event->process, "init");
		return 0;
	}
	if (!print || stats_json_format_event(watch->id, event->type, &line) < 0)
		return 0;
	print_line(watch, line.data);
	return 0;
}

/* Waits for events at most `ms`; `print` false only looks at what has been. */
static int take_events(struct watch *watch, uint32_t ms, bool print, struct error *err)
{
	const struct call_waitevents body = { .container = watch->id,
					      .after = watch->last,
					      .timeout_ms = ms };
	const struct agent_request request = { .code = CALL_WAITEVENTS,
					       .type = &call_waitevents_type,
					       .body = &body };
	auto_arena struct arena arena = { 0 };
	struct call_waitevents_reply reply;
	const struct call_event *rows;
	int ret = ask(watch, &request, ms, &call_waitevents_reply_type, &arena, &reply, err);

	if (ret < 0)
		return ret;
	rows = reply.events.items;
	for (size_t i = 0; i < reply.events.len; i++)
		(void)take_event(watch, &rows[i], print);
	watch->last = reply.last;
	return 0;
}

/* An agent that cannot wait answers at once: don't ask it all the time. The end of its machine is
 * noticed. */
static void pause_asking(const struct watch *watch, int64_t ms)
{
	struct pollfd item = { .fd = watch->wait.abort_fd, .events = POLLIN };

	(void)poll(&item, 1, ms < IMPATIENT_MS ? (int)ms : IMPATIENT_MS);
}

/* Waits for events, at most `ms`. */
static int await(struct watch *watch, int64_t ms, struct error *err)
{
	uint32_t asked_ms = ms < CALL_WAIT_MAX_MS ? (uint32_t)ms : CALL_WAIT_MAX_MS;
	uint64_t last = watch->last;
	int64_t end_ms = clock_now_ms() + asked_ms;
	int ret = take_events(watch, asked_ms, true, err);
	int64_t left_ms = end_ms - clock_now_ms();

	if (ret == 0 && watch->last == last && left_ms > 0)
		pause_asking(watch, left_ms);
	return ret;
}

/* Until the container ends. */
static int follow(struct watch *watch, struct error *err)
{
	int64_t next_ms = clock_now_ms() + watch->interval_ms;
	int ret = take_events(watch, 0, false, err);

	while (ret == 0 && !watch->ended) {
		int64_t left_ms = next_ms - clock_now_ms();

		if (left_ms > 0) {
			ret = await(watch, left_ms, err);
			continue;
		}
		ret = print_stats(watch, err);
		next_ms = clock_now_ms() + watch->interval_ms;
	}
	return ret;
}

int sandbox_events(const char *root, const char *id, int64_t interval_ms, events_line *print,
		   void *arg, struct error *err)
{
	struct watch watch = {
		.id = id,
		.interval_ms = interval_ms,
		.print = print,
		.arg = arg,
		.client = { .fd = -1, .interrupt_fd = -1 },
		.wait = { .deadline_ms = clock_now_ms() + CALL_TIMEOUT_MS, .abort_fd = -1 },
	};
	auto_record struct record rec = RECORD_INIT;
	int ret = record_peek(&rec, root, id, err);

	if (ret < 0)
		return ret;
	if (record_status(&rec.state) == OCI_STATUS_STOPPED)
		return err_msg(err, -EINVAL, "container with id %s is not running", id);
	ret = attach_open(&rec, &watch.client, &watch.wait, err);
	if (ret == 0)
		ret = interval_ms > 0 ? follow(&watch, err) : print_stats(&watch, err);
	client_close(&watch.client);
	attach_done(&watch.wait);
	/* its machine may go as soon as it has ended */
	if (ret < 0 && interval_ms > 0 && record_status(&rec.state) == OCI_STATUS_STOPPED) {
		err_clear(err);
		return 0;
	}
	return ret;
}
