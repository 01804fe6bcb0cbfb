/* Answers of an agent that numbers its frames may come in any order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>
#include "agent/proto/calls.h"
#include "agent/proto/numbered.h"
#include "tests/unit/proxy_rig.h"

static struct rig_end attached(struct rig *rig)
{
	struct rig_end end = rig_connect(rig);

	(void)rig_command(rig, &end, CCPROXY_ATTACH_VM, "{\"containerId\":\"pod1\"}");
	return end;
}

/* The next request, which must be this one; returns its number. */
static uint32_t take_request(struct rig *rig, uint32_t code)
{
	struct ctl_frame frame = rig_call(rig);
	struct ctl_frame inner;
	uint32_t number;

	assert_int_equal(frame.code, CTL_NUMBERED);
	assert_int_equal(numbered_decode(&frame, &number, &inner), 0);
	assert_int_equal(inner.code, code);
	return number;
}

static void answer(struct rig *rig, uint32_t number, uint32_t code, const char *text)
{
	auto_strbuf struct strbuf buf = { 0 };

	assert_int_equal(numbered_encode(&buf, number, code, text, strlen(text)), 0);
	rig_answer_bytes(rig, CTL_NUMBERED, buf.data + CTL_HEADER_LEN, buf.len - CTL_HEADER_LEN);
}

static void test_a_slow_call_holds_up_no_other(void **state)
{
	struct rig rig;
	struct rig_end slow, quick;
	uint32_t first, second;

	(void)state;
	rig_open(&rig, RIG_NUMBERED);
	slow = attached(&rig);
	quick = attached(&rig);
	rig_send(&slow, CCPROXY_COMMAND, CCPROXY_HYPER,
		 "{\"hyperName\":\"onlinecpumem\",\"data\":{}}");
	first = take_request(&rig, CALL_ONLINECPUMEM);
	rig_send(&quick, CCPROXY_COMMAND, CCPROXY_HYPER, "{\"hyperName\":\"ping\",\"data\":7}");
	second = take_request(&rig, CALL_PING);
	assert_int_not_equal(first, second);
	answer(&rig, second, CALL_ACK, "7");
	assert_string_equal(rig_receive(&rig, &quick).payload, "7");
	assert_true(rig_is_silent(&rig, &slow));
	answer(&rig, first, CALL_ERROR, "too slow");
	assert_true(rig_receive(&rig, &slow).error);
	rig_end_close(&slow);
	rig_end_close(&quick);
	rig_close(&rig);
}

static void test_an_unknown_number_is_skipped(void **state)
{
	struct rig rig;
	struct rig_end end;
	uint32_t number;

	(void)state;
	rig_open(&rig, RIG_NUMBERED);
	end = attached(&rig);
	rig_send(&end, CCPROXY_COMMAND, CCPROXY_HYPER, "{\"hyperName\":\"ping\",\"data\":1}");
	number = take_request(&rig, CALL_PING);
	answer(&rig, number + 1, CALL_ACK, "2");
	assert_true(rig_is_silent(&rig, &end));
	answer(&rig, number, CALL_ACK, "1");
	assert_string_equal(rig_receive(&rig, &end).payload, "1");
	/* A second answer with the same number finds nobody. */
	answer(&rig, number, CALL_ACK, "1");
	assert_true(rig_is_silent(&rig, &end));
	rig_end_close(&end);
	rig_close(&rig);
}

static void test_what_is_no_answer_loses_the_vm(void **state)
{
	struct rig rig;
	struct rig_end end;
	uint32_t number;

	(void)state;
	rig_open(&rig, RIG_NUMBERED);
	end = attached(&rig);
	rig_send(&end, CCPROXY_COMMAND, CCPROXY_HYPER, "{\"hyperName\":\"ping\",\"data\":1}");
	number = take_request(&rig, CALL_PING);
	answer(&rig, number, CALL_READY, "");
	assert_true(rig_receive(&rig, &end).error);
	rig_end_close(&end);
	rig_close(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_slow_call_holds_up_no_other),
		cmocka_unit_test(test_an_unknown_number_is_skipped),
		cmocka_unit_test(test_what_is_no_answer_loses_the_vm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
