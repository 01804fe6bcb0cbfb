/* The agent's requests and events, with a channel that goes nowhere: what would be sent is looked
 * at. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "agent/guest/container.h"
#include "agent/guest/events.h"
#include "agent/guest/slots.h"
#include "agent/proto/calls.h"
#include "agent/proto/numbered.h"

struct rig {
	struct channel ctl;
	struct guest guest;
};

static void rig_open(struct rig *rig)
{
	*rig = (struct rig){ .ctl = { .fd = -1, .length_at = 4 } };
	rig->guest.ctl = &rig->ctl;
	rig->guest.loop = loop_new();
	rig->guest.events = events_new();
	assert_non_null(rig->guest.loop);
	assert_non_null(rig->guest.events);
}

static void rig_close(struct rig *rig)
{
	while (rig->guest.slots)
		slot_ack(rig->guest.slots, NULL, 0);
	for (size_t i = 0; i < ANSWERS_MAX; i++)
		free(rig->guest.answers.items[i].data);
	strbuf_done(&rig->ctl.out);
	loop_free(rig->guest.loop);
	events_free(rig->guest.events);
}

/* A request as it comes in; number 0 is a plain one. */
static struct slot *request(struct rig *rig, uint32_t number, uint32_t code)
{
	auto_strbuf struct strbuf buf = { 0 };
	struct ctl_frame frame;
	struct slot *slot;

	assert_int_equal(number ? numbered_encode(&buf, number, code, "x", 1)
				: ctl_encode(&buf, code, "x", 1),
			 0);
	assert_true(ctl_decode(buf.data, buf.len, &frame) > 0);
	assert_int_equal(slots_add(&rig->guest, &frame), 0);
	slot = rig->guest.slots;
	while (slot->next)
		slot = slot->next;
	assert_int_equal(slot->code, code);
	slot->started = true;
	return slot;
}

/* The next answer must be this one; number 0: a plain one. text lives until the next call. */
static const char *answer(struct rig *rig, uint32_t number, uint32_t code)
{
	static char text[65536];
	struct ctl_frame frame;
	uint32_t got = 0;
	int64_t n = ctl_decode(strbuf_str(&rig->ctl.out), rig->ctl.out.len, &frame);

	assert_true(n > 0);
	if (number) {
		assert_int_equal(frame.code, CTL_NUMBERED);
		assert_int_equal(numbered_decode(&frame, &got, &frame), 0);
	}
	assert_int_equal(got, number);
	assert_int_equal(frame.code, code);
	assert_true(frame.len < sizeof(text));
	memcpy(text, frame.payload, frame.len);
	text[frame.len] = '\0';
	strbuf_consume(&rig->ctl.out, (size_t)n);
	return text;
}

static void test_numbered_answers_do_not_wait(void **state)
{
	struct rig rig;
	struct slot *first, *second, *third, *fourth;

	(void)state;
	rig_open(&rig);
	first = request(&rig, 0, CALL_PING);
	second = request(&rig, 5, CALL_PING);
	third = request(&rig, 0, CALL_PING);
	fourth = request(&rig, 6, CALL_PING);
	slot_ack(third, "3", 1);
	assert_int_equal(rig.ctl.out.len, 0);
	slot_errorf(fourth, "no");
	assert_string_equal(answer(&rig, 6, CALL_ERROR), "no");
	slot_ack(first, "1", 1);
	assert_string_equal(answer(&rig, 0, CALL_ACK), "1");
	assert_string_equal(answer(&rig, 0, CALL_ACK), "3");
	slot_ack(second, "2", 1);
	assert_string_equal(answer(&rig, 5, CALL_ACK), "2");
	assert_null(rig.guest.slots);
	rig_close(&rig);
}

static void test_a_number_must_be_there(void **state)
{
	const struct ctl_frame shorter = { .code = CTL_NUMBERED, .payload = "1234567", .len = 7 };
	const struct ctl_frame zero = { .code = CTL_NUMBERED,
					.payload = "\0\0\0\0\0\0\0\x0c",
					.len = 8 };
	struct rig rig;

	(void)state;
	rig_open(&rig);
	assert_int_equal(slots_add(&rig.guest, &shorter), -EBADMSG);
	assert_int_equal(slots_add(&rig.guest, &zero), -EBADMSG);
	assert_null(rig.guest.slots);
	rig_close(&rig);
}

/* The same request again: with key, under another number. */
static void request_once(struct rig *rig, uint64_t key, uint32_t number)
{
	auto_strbuf struct strbuf buf = { 0 };
	struct ctl_frame frame;

	assert_int_equal(once_encode(&buf, key, number, CALL_PING, "x", 1), 0);
	assert_true(ctl_decode(buf.data, buf.len, &frame) > 0);
	assert_int_equal(slots_add(&rig->guest, &frame), 0);
}

static void test_a_request_that_comes_again_is_answered_again(void **state)
{
	struct rig rig;

	(void)state;
	rig_open(&rig);
	request_once(&rig, 77, 5);
	rig.guest.slots->started = true;
	slot_ack(rig.guest.slots, "done", 4);
	assert_string_equal(answer(&rig, 5, CALL_ACK), "done");
	request_once(&rig, 77, 6);
	assert_null(rig.guest.slots);
	assert_string_equal(answer(&rig, 6, CALL_ACK), "done");
	request_once(&rig, 78, 7);
	assert_non_null(rig.guest.slots);
	slot_errorf(rig.guest.slots, "no");
	assert_string_equal(answer(&rig, 7, CALL_ERROR), "no");
	request_once(&rig, 78, 8);
	assert_string_equal(answer(&rig, 8, CALL_ERROR), "no");
	rig_close(&rig);
}

static void test_a_running_request_is_answered_to_who_asks_last(void **state)
{
	struct rig rig;

	(void)state;
	rig_open(&rig);
	request_once(&rig, 77, 5);
	rig.guest.slots->started = true;
	slots_orphan(&rig.guest);
	request_once(&rig, 77, 1);
	assert_int_equal(rig.guest.n_slots, 1);
	slot_ack(rig.guest.slots, "x", 1);
	assert_string_equal(answer(&rig, 1, CALL_ACK), "x");
	assert_int_equal(rig.ctl.out.len, 0);
	rig_close(&rig);
}

static void test_an_answer_nobody_heard_is_kept(void **state)
{
	struct rig rig;

	(void)state;
	rig_open(&rig);
	request_once(&rig, 77, 5);
	rig.guest.slots->started = true;
	slots_orphan(&rig.guest);
	slot_ack(rig.guest.slots, "x", 1);
	assert_int_equal(rig.ctl.out.len, 0);
	request_once(&rig, 77, 1);
	assert_string_equal(answer(&rig, 1, CALL_ACK), "x");
	rig_close(&rig);
}

static void test_a_bounded_number_of_answers_is_kept(void **state)
{
	static char large[ANSWER_BYTES_MAX + 1];
	struct rig rig;

	(void)state;
	rig_open(&rig);
	for (uint32_t i = 1; i <= ANSWERS_MAX + 1; i++) {
		request_once(&rig, i, i);
		slot_ack(rig.guest.slots, "x", 1);
		(void)answer(&rig, i, CALL_ACK);
	}
	assert_null(answers_find(&rig.guest.answers, 1));
	assert_non_null(answers_find(&rig.guest.answers, 2));
	request_once(&rig, 1000, 1);
	slot_ack(rig.guest.slots, large, sizeof(large));
	assert_null(answers_find(&rig.guest.answers, 1000));
	assert_non_null(answers_find(&rig.guest.answers, 2));
	rig_close(&rig);
}

static struct call_waitevents_reply events_of(struct rig *rig, struct arena *arena, uint32_t number)
{
	struct call_waitevents_reply reply;
	const char *text = answer(rig, number, CALL_ACK);

	assert_int_equal(json_decode(&call_waitevents_reply_type, text, strlen(text), NULL, arena,
				     &reply, NULL),
			 0);
	return reply;
}

static void test_events_are_told_once(void **state)
{
	struct call_waitevents call = { .container = "c1", .timeout_ms = 50000 };
	auto_arena struct arena arena = { 0 };
	struct call_waitevents_reply reply;
	const struct call_event *rows;
	struct rig rig;

	(void)state;
	rig_open(&rig);
	events_wait(&rig.guest, &call, request(&rig, 1, CALL_WAITEVENTS));
	events_add(&rig.guest, "oom", "other", NULL, 0);
	assert_int_equal(rig.ctl.out.len, 0);
	events_add(&rig.guest, "oom", "c1", NULL, 0);
	reply = events_of(&rig, &arena, 1);
	assert_int_equal(reply.last, 2);
	assert_int_equal(reply.events.len, 1);
	rows = reply.events.items;
	assert_string_equal(rows[0].type, "oom");
	assert_int_equal(rows[0].number, 2);
	/* what has come meanwhile is told at once */
	events_add(&rig.guest, "exit", "c1", "init", 137);
	call.after = reply.last;
	events_wait(&rig.guest, &call, request(&rig, 2, CALL_WAITEVENTS));
	reply = events_of(&rig, &arena, 2);
	rows = reply.events.items;
	assert_int_equal(reply.events.len, 1);
	assert_int_equal(rows[0].status, 137);
	assert_string_equal(rows[0].process, "init");
	rig_close(&rig);
}

static void test_a_plain_wait_is_answered_at_once(void **state)
{
	const struct call_waitevents call = { .timeout_ms = 50000 };
	auto_arena struct arena arena = { 0 };
	struct rig rig;

	(void)state;
	rig_open(&rig);
	events_wait(&rig.guest, &call, request(&rig, 0, CALL_WAITEVENTS));
	assert_int_equal(events_of(&rig, &arena, 0).events.len, 0);
	rig_close(&rig);
}

static void test_only_so_many_are_kept(void **state)
{
	const struct call_waitevents call = { .after = 3 };
	auto_arena struct arena arena = { 0 };
	struct call_waitevents_reply reply;
	const struct call_event *rows;
	struct rig rig;

	(void)state;
	rig_open(&rig);
	for (uint32_t i = 1; i <= CALL_EVENTS_KEPT + 10; i++)
		events_add(&rig.guest, "exit", "c1", "p", i & 0xff);
	events_wait(&rig.guest, &call, request(&rig, 1, CALL_WAITEVENTS));
	reply = events_of(&rig, &arena, 1);
	rows = reply.events.items;
	assert_int_equal(reply.last, CALL_EVENTS_KEPT + 10);
	assert_int_equal(reply.events.len, CALL_EVENTS_KEPT);
	assert_int_equal(rows[0].number, 11);
	rig_close(&rig);
}

/* An id is used again in the same machine. */
static void test_a_container_has_no_past(void **state)
{
	struct container container = { .id = (char *)"c1" };
	const struct call_waitevents call = { .container = "c1" };
	struct rig rig;

	(void)state;
	rig_open(&rig);
	events_add(&rig.guest, "exit", "c1", "init", 0);
	container.after_event = events_last(&rig.guest);
	rig.guest.containers = &container;
	events_add(&rig.guest, "oom", "c1", NULL, 0);
	events_wait(&rig.guest, &call, request(&rig, 1, CALL_WAITEVENTS));
	assert_null(strstr(answer(&rig, 1, CALL_ACK), "exit"));
	/* of one that is gone, everything is told */
	rig.guest.containers = NULL;
	events_wait(&rig.guest, &call, request(&rig, 2, CALL_WAITEVENTS));
	assert_non_null(strstr(answer(&rig, 2, CALL_ACK), "exit"));
	rig_close(&rig);
}

static void test_a_process_is_waited_for(void **state)
{
	const struct call_waitprocess call = { .container = "c1", .timeout_ms = 50000 };
	struct rig rig;

	(void)state;
	rig_open(&rig);
	events_wait_process(&rig.guest, &call, true, request(&rig, 1, CALL_WAITPROCESS));
	events_add(&rig.guest, "exit", "c1", "other", 1);
	assert_int_equal(rig.ctl.out.len, 0);
	events_add(&rig.guest, "exit", "c1", "init", 9);
	assert_string_equal(answer(&rig, 1, CALL_ACK), "{\"exited\":true,\"status\":9}");
	/* it is remembered, and what never was is an error */
	events_wait_process(&rig.guest, &call, false, request(&rig, 2, CALL_WAITPROCESS));
	assert_string_equal(answer(&rig, 2, CALL_ACK), "{\"exited\":true,\"status\":9}");
	events_wait_process(&rig.guest,
			    &(struct call_waitprocess){ .container = "c2", .process = "p" }, false,
			    request(&rig, 3, CALL_WAITPROCESS));
	assert_string_equal(answer(&rig, 3, CALL_ERROR),
			    "process 'p' does not exist in container 'c2'");
	rig_close(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbered_answers_do_not_wait),
		cmocka_unit_test(test_a_request_that_comes_again_is_answered_again),
		cmocka_unit_test(test_a_running_request_is_answered_to_who_asks_last),
		cmocka_unit_test(test_an_answer_nobody_heard_is_kept),
		cmocka_unit_test(test_a_bounded_number_of_answers_is_kept),
		cmocka_unit_test(test_a_number_must_be_there),
		cmocka_unit_test(test_events_are_told_once),
		cmocka_unit_test(test_a_plain_wait_is_answered_at_once),
		cmocka_unit_test(test_only_so_many_are_kept),
		cmocka_unit_test(test_a_container_has_no_past),
		cmocka_unit_test(test_a_process_is_waited_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
