#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "agent/proto/calls.h"
#include "cmd/acrun-proxy/vm.h"
#include "tests/unit/proxy_rig.h"

static void test_slow_shim_starves_nobody(void **state)
{
	static char data[60000];
	struct rig rig;
	struct rig_end slow, quick;
	size_t sent = 0;

	(void)state;
	rig_open(&rig, RIG_EXTENSION);
	slow = rig_started(&rig, "createcontainer", "");
	quick = rig_started(&rig, "execcmd", "");
	while (sent + sizeof(data) <= STREAM_WINDOW) {
		rig_output(&rig, 3, data, sizeof(data));
		sent += sizeof(data);
		rig_turn(&rig);
	}
	rig_output(&rig, 5, "quick", 5);
	rig_assert_stream(&rig, &quick, CCPROXY_STDOUT, "quick");
	rig_end_close(&slow);
	rig_end_close(&quick);
	rig_close(&rig);
}

static void test_credit_follows_what_was_written(void **state)
{
	static char data[60000];
	struct rig rig;
	struct rig_end shim;
	struct tty_frame credit;
	uint32_t bytes;

	(void)state;
	rig_open(&rig, RIG_EXTENSION);
	shim = rig_started(&rig, "createcontainer", "");
	rig_output(&rig, 4, data, sizeof(data));
	rig_output(&rig, 4, data, sizeof(data));
	credit = rig_stdin(&rig);
	assert_true(credit.stream == (STREAM_CREDIT_BIT | 4));
	assert_int_equal(credit.len, 4);
	memcpy(&bytes, credit.payload, sizeof(bytes));
	assert_int_equal(__builtin_bswap32(bytes), 2 * sizeof(data));
	rig_end_close(&shim);
	rig_close(&rig);
}

static void test_output_beyond_credit_loses_the_vm(void **state)
{
	static char data[60000];
	struct rig rig;
	struct rig_end shim;
	struct ctl_frame call;
	char token[45];

	(void)state;
	rig_open(&rig, RIG_EXTENSION);
	rig_token(&rig, token);
	shim = rig_shim(&rig, token, "");
	rig_send_start(&rig.runtime, "execcmd", token, false);
	call = rig_call(&rig);
	assert_int_equal(call.code, CALL_EXECCMD);
	/* The shim has gone and may come again: what it would read is held. */
	rig_end_close(&shim);
	rig_turn(&rig);
	for (int i = 0; i < 5; i++) {
		rig_output(&rig, 3, data, sizeof(data));
		rig_turn(&rig);
	}
	assert_true(rig_receive(&rig, &rig.runtime).error);
	assert_non_null(
		strstr(rig_refused(&rig, &rig.runtime, CCPROXY_HYPER, "{\"hyperName\":\"ping\"}"),
		       "the VM is gone"));
	rig_close(&rig);
}

/* 1 MiB where both sides have agreed on it, and no byte more. */
static void test_a_larger_window(void **state)
{
	static char data[32768];
	struct rig rig;
	struct rig_end shim;
	char token[45];

	(void)state;
	rig_open(&rig, RIG_NUMBERED);
	rig_token(&rig, token);
	shim = rig_shim(&rig, token, "");
	rig_send_start(&rig.runtime, "execcmd", token, false);
	(void)rig_call(&rig);
	rig_end_close(&shim);
	rig_turn(&rig);
	for (int i = 0; i < STREAM_WINDOW_MAX / (int)sizeof(data); i++) {
		rig_output(&rig, 3, data, sizeof(data));
		rig_turn(&rig);
	}
	assert_int_equal(rig.proxy.vm->state, VM_UP);
	rig_output(&rig, 3, data, 1);
	rig_turn(&rig);
	assert_int_equal(rig.proxy.vm->state, VM_LOST);
	rig_close(&rig);
}

static void test_output_is_held_for_a_shim_that_returns(void **state)
{
	struct rig rig;
	struct rig_end shim;
	char token[45];

	(void)state;
	rig_open(&rig, RIG_EXTENSION);
	rig_token(&rig, token);
	shim = rig_shim(&rig, token, "");
	rig_send_start(&rig.runtime, "execcmd", token, false);
	(void)rig_call(&rig);
	rig_answer(&rig, CALL_ACK, "");
	(void)rig_receive(&rig, &rig.runtime);
	rig_end_close(&shim);
	rig_turn(&rig);
	rig_output(&rig, 3, "held ", 5);
	rig_output(&rig, 3, "back", 4);
	rig_output(&rig, 3, NULL, 0);
	rig_output(&rig, 3, "\x05", 1);
	rig_turn(&rig);
	shim = rig_shim(&rig, token, "");
	rig_assert_stream(&rig, &shim, CCPROXY_STDOUT, "held back");
	rig_assert_exit(&rig, &shim, 5);
	rig_end_close(&shim);
	rig_close(&rig);
}

static void test_stdin_stays_within_credit(void **state)
{
	static char data[32768];
	struct rig rig;
	struct rig_end shim;
	struct ccproxy_frame credit;
	size_t got = 0;

	(void)state;
	memset(data, 'x', sizeof(data) - 1);
	rig_open(&rig, RIG_EXTENSION);
	shim = rig_started(&rig, "createcontainer", ",\"flow\":true");
	for (size_t i = 0; i < STREAM_WINDOW / sizeof(data); i++) {
		rig_send(&shim, CCPROXY_STREAM, CCPROXY_STDIN, data);
		rig_turn(&rig);
	}
	credit = rig_receive(&rig, &shim);
	assert_int_equal(credit.type, CCPROXY_NOTIFICATION);
	assert_int_equal(credit.opcode, CCPROXY_STDIN_CREDIT);
	for (int i = 0; i < 2; i++)
		rig_send(&shim, CCPROXY_STREAM, CCPROXY_STDIN, data);
	while (got < STREAM_WINDOW)
		got += rig_stdin(&rig).len;
	assert_int_equal(got, STREAM_WINDOW);
	assert_true(rig_is_silent(&rig, &rig.tty));
	rig_output(&rig, STREAM_CREDIT_BIT | 3, "\0\0\0\x0a", 4);
	assert_int_equal(rig_stdin(&rig).len, 10);
	rig_end_close(&shim);
	rig_close(&rig);
}

static void test_stdin_before_the_start_is_kept(void **state)
{
	struct rig rig;
	struct rig_end shim;
	char token[45];

	(void)state;
	rig_open(&rig, RIG_PLAIN);
	rig_token(&rig, token);
	shim = rig_shim(&rig, token, "");
	rig_send(&shim, CCPROXY_STREAM, CCPROXY_STDIN, "early");
	rig_send(&shim, CCPROXY_STREAM, CCPROXY_STDIN, "");
	rig_send_start(&rig.runtime, "newcontainer", token, false);
	(void)rig_call(&rig);
	assert_true(rig_is_silent(&rig, &rig.tty));
	rig_answer(&rig, CALL_ACK, "");
	assert_string_equal(rig_stdin(&rig).payload, "early");
	assert_int_equal(rig_stdin(&rig).len, 0);
	rig_end_close(&shim);
	rig_close(&rig);
}

static void test_signals_of_the_extension(void **state)
{
	struct rig rig;
	struct rig_end shim, exec;

	(void)state;
	rig_open(&rig, RIG_EXTENSION);
	shim = rig_started(&rig, "createcontainer", "");
	exec = rig_started(&rig, "execprocess", "");
	rig_send(&shim, CCPROXY_COMMAND, CCPROXY_SIGNAL, "{\"signalNumber\":64}");
	rig_assert_call(&rig, CALL_SIGNALPROCESS,
			"{\"container\":\"c1\",\"process\":\"init\",\"signal\":64}");
	rig_answer(&rig, CALL_ACK, "");
	assert_false(rig_receive(&rig, &shim).error);
	rig_send(&exec, CCPROXY_COMMAND, CCPROXY_SIGNAL, "{\"signalNumber\":9}");
	rig_assert_call(&rig, CALL_SIGNALPROCESS,
			"{\"container\":\"c1\",\"process\":\"5\",\"signal\":9}");
	rig_answer(&rig, CALL_ERROR, "gone");
	assert_true(rig_receive(&rig, &exec).error);
	rig_send(&exec, CCPROXY_COMMAND, CCPROXY_SIGNAL,
		 "{\"signalNumber\":28,\"rows\":24,\"columns\":80}");
	rig_assert_call(&rig, CALL_WINSIZE, "{\"seq\":5,\"row\":24,\"column\":80}");
	rig_answer(&rig, CALL_ACK, "");
	assert_false(rig_receive(&rig, &exec).error);
	rig_send(&exec, CCPROXY_COMMAND, CCPROXY_SIGNAL, "{\"signalNumber\":28}");
	rig_assert_call(&rig, CALL_SIGNALPROCESS,
			"{\"container\":\"c1\",\"process\":\"5\",\"signal\":28}");
	rig_answer(&rig, CALL_ACK, "");
	assert_false(rig_receive(&rig, &exec).error);
	(void)rig_refused(&rig, &exec, CCPROXY_SIGNAL, "{\"signalNumber\":65}");
	(void)rig_refused(&rig, &exec, CCPROXY_SIGNAL, "{\"signalNumber\":0}");
	(void)rig_refused(&rig, &exec, CCPROXY_SIGNAL,
			  "{\"signalNumber\":15,\"rows\":1,\"columns\":1}");
	rig_end_close(&shim);
	rig_end_close(&exec);
	rig_close(&rig);
}

static void test_signals_of_plain_agents(void **state)
{
	struct rig rig;
	struct rig_end shim, exec;

	(void)state;
	rig_open(&rig, RIG_PLAIN);
	shim = rig_started(&rig, "newcontainer", "");
	exec = rig_started(&rig, "execcmd", "");
	rig_send(&shim, CCPROXY_COMMAND, CCPROXY_SIGNAL, "{\"signalNumber\":34}");
	rig_assert_call(&rig, CALL_KILLCONTAINER,
			"{\"container\":\"c1\",\"signal\":34,\"allProcesses\":false}");
	(void)rig_refused(&rig, &exec, CCPROXY_SIGNAL, "{\"signalNumber\":15}");
	rig_end_close(&shim);
	rig_end_close(&exec);
	rig_close(&rig);
}

static void test_signals_before_the_start(void **state)
{
	struct rig rig;
	struct rig_end shim, other;
	char token[45];

	(void)state;
	rig_open(&rig, RIG_EXTENSION);
	rig_token(&rig, token);
	shim = rig_shim(&rig, token, "");
	(void)rig_command(&rig, &shim, CCPROXY_SIGNAL,
			  "{\"signalNumber\":28,\"rows\":5,\"columns\":6}");
	(void)rig_command(&rig, &shim, CCPROXY_SIGNAL, "{\"signalNumber\":10}");
	assert_true(rig_is_silent(&rig, &rig.ctl));
	rig_send_start(&rig.runtime, "createcontainer", token, false);
	(void)rig_call(&rig);
	rig_answer(&rig, CALL_ACK, "");
	rig_assert_call(&rig, CALL_WINSIZE, "{\"seq\":3,\"row\":5,\"column\":6}");
	rig_assert_call(&rig, CALL_SIGNALPROCESS,
			"{\"container\":\"c1\",\"process\":\"init\",\"signal\":10}");
	(void)rig_receive(&rig, &rig.runtime);
	rig_token(&rig, token);
	other = rig_shim(&rig, token, "");
	rig_send(&other, CCPROXY_COMMAND, CCPROXY_SIGNAL, "{\"signalNumber\":15}");
	rig_assert_exit(&rig, &other, 143);
	assert_int_equal(rig_receive(&rig, &other).type, CCPROXY_RESPONSE);
	rig_end_close(&shim);
	rig_end_close(&other);
	rig_close(&rig);
}

static void test_death_of_our_shim_kills_its_process(void **state)
{
	struct rig rig;
	struct rig_end shim;

	(void)state;
	rig_open(&rig, RIG_EXTENSION);
	shim = rig_started(&rig, "execprocess", ",\"kill_on_close\":true");
	rig_end_close(&shim);
	rig_assert_call(&rig, CALL_SIGNALPROCESS,
			"{\"container\":\"c1\",\"process\":\"3\",\"signal\":9}");
	rig_close(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_slow_shim_starves_nobody),
		cmocka_unit_test(test_credit_follows_what_was_written),
		cmocka_unit_test(test_output_beyond_credit_loses_the_vm),
		cmocka_unit_test(test_a_larger_window),
		cmocka_unit_test(test_output_is_held_for_a_shim_that_returns),
		cmocka_unit_test(test_stdin_stays_within_credit),
		cmocka_unit_test(test_stdin_before_the_start_is_kept),
		cmocka_unit_test(test_signals_of_the_extension),
		cmocka_unit_test(test_signals_of_plain_agents),
		cmocka_unit_test(test_signals_before_the_start),
		cmocka_unit_test(test_death_of_our_shim_kills_its_process),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
