#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>
#include "agent/proto/calls.h"
#include "tests/unit/proxy_rig.h"

static void test_golden_session(void **state)
{
	struct rig rig;
	struct rig_end shim, second;
	char token[45];

	(void)state;
	rig_open(&rig, RIG_PLAIN);
	rig_send(&rig.runtime, CCPROXY_COMMAND, CCPROXY_HYPER,
		 "{\"hyperName\":\"startpod\",\"tokens\":null,\"data\":{\"shareDir\":\"s\"}}");
	rig_assert_call(&rig, CALL_STARTPOD, "{\"shareDir\":\"s\"}");
	rig_answer(&rig, CALL_ACK, "");
	assert_int_equal(rig_receive(&rig, &rig.runtime).len, 0);
	rig_token(&rig, token);
	shim = rig_shim(&rig, token, "");
	second = rig_connect(&rig);
	(void)rig_command(&rig, &second, CCPROXY_ATTACH_VM, "{\"containerId\":\"pod1\"}");
	rig_send_start(&second, "newcontainer", token, false);
	rig_assert_call(&rig, CALL_NEWCONTAINER,
			"{\"id\":\"c1\",\"container\":\"c1\",\"later\":{\"a\":[1.50,null]},"
			"\"process\":{\"x\":7,\"terminal\":false,\"stdio\":3,\"stderr\":4}}");
	/* Output may come before the answer. */
	rig_output(&rig, 3, "out\n", 4);
	rig_assert_stream(&rig, &shim, CCPROXY_STDOUT, "out\n");
	rig_answer(&rig, CALL_ACK, "");
	assert_false(rig_receive(&rig, &second).error);
	rig_output(&rig, 4, "err\n", 4);
	rig_assert_stream(&rig, &shim, CCPROXY_STDERR, "err\n");
	rig_send(&shim, CCPROXY_STREAM, CCPROXY_STDIN, "input");
	rig_send(&shim, CCPROXY_STREAM, CCPROXY_STDIN, "");
	assert_string_equal(rig_stdin(&rig).payload, "input");
	assert_int_equal(rig_stdin(&rig).len, 0);
	rig_output(&rig, 3, NULL, 0);
	rig_output(&rig, 3, "\x2a", 1);
	rig_assert_exit(&rig, &shim, 42);
	rig_send(&shim, CCPROXY_COMMAND, CCPROXY_DISCONNECT_SHIM, "");
	assert_true(rig_is_closed(&rig, &shim));
	assert_string_equal(rig_command(&rig, &rig.runtime, CCPROXY_UNREGISTER_VM,
					"{\"containerId\":\"pod1\"}"),
			    "");
	rig_end_close(&shim);
	rig_end_close(&second);
	rig_end_close(&rig.runtime);
	rig_end_close(&rig.tty);
	rig_turn(&rig);
	assert_true(rig.proxy.ended);
	rig_close(&rig);
}

static void test_start_waits_for_its_shim(void **state)
{
	struct rig rig;
	struct rig_end shim;
	char token[45];

	(void)state;
	rig_open(&rig, RIG_EXTENSION);
	rig_token(&rig, token);
	rig_send_start(&rig.runtime, "createcontainer", token, true);
	assert_true(rig_is_silent(&rig, &rig.ctl));
	shim = rig_shim(&rig, token, "");
	/* A terminal has no stderr of its own. */
	rig_assert_call(&rig, CALL_CREATECONTAINER,
			"{\"id\":\"c1\",\"container\":\"c1\",\"later\":{\"a\":[1.50,null]},"
			"\"process\":{\"x\":7,\"terminal\":true,\"stdio\":3}}");
	rig_end_close(&shim);
	rig_close(&rig);
}

static void test_start_without_shim_times_out(void **state)
{
	struct rig rig;
	struct ccproxy_frame frame;
	char token[45];

	(void)state;
	rig_open(&rig, RIG_EXTENSION);
	rig.proxy.waits.shim_ms = 1;
	rig_token(&rig, token);
	rig_send_start(&rig.runtime, "createcontainer", token, false);
	frame = rig_receive(&rig, &rig.runtime);
	assert_true(frame.error);
	assert_non_null(strstr(frame.payload, "timeout waiting for shim with token"));
	assert_true(rig_is_silent(&rig, &rig.ctl));
	rig_close(&rig);
}

static void test_failed_start_ends_the_shim(void **state)
{
	struct rig rig;
	struct rig_end shim;
	struct ccproxy_frame frame;
	char token[45];

	(void)state;
	rig_open(&rig, RIG_EXTENSION);
	rig_token(&rig, token);
	shim = rig_shim(&rig, token, "");
	rig_send_start(&rig.runtime, "execcmd", token, false);
	(void)rig_call(&rig);
	rig_answer(&rig, CALL_ERROR, "no such \"file\"");
	frame = rig_receive(&rig, &rig.runtime);
	assert_true(frame.error);
	assert_string_equal(
		frame.payload,
		"{\"msg\":\"ERROR received from VM agent, control msg received : no such \\\"file\\\"\"}");
	rig_assert_exit(&rig, &shim, 255);
	rig_end_close(&shim);
	rig_close(&rig);
}

static void test_late_answer_is_not_the_next_ones(void **state)
{
	static const char ping[] = "{\"hyperName\":\"ping\",\"tokens\":null}";
	struct rig rig;
	struct ccproxy_frame frame;

	(void)state;
	rig_open(&rig, RIG_EXTENSION);
	rig.proxy.waits.call_ms = 1;
	(void)rig_refused(&rig, &rig.runtime, CCPROXY_HYPER, ping);
	(void)rig_call(&rig);
	rig.proxy.waits.call_ms = 60000;
	rig_send(&rig.runtime, CCPROXY_COMMAND, CCPROXY_HYPER, ping);
	(void)rig_call(&rig);
	rig_answer(&rig, CALL_ACK, "first");
	rig_answer(&rig, CALL_NEXT, "1234");
	rig_answer(&rig, CALL_READY, "");
	rig_answer(&rig, 23, "{\"event\":\"finished\"}");
	rig_answer(&rig, CALL_ACK, "second");
	frame = rig_receive(&rig, &rig.runtime);
	assert_string_equal(frame.payload, "second");
	rig_close(&rig);
}

static void test_concurrent_calls_keep_their_answers(void **state)
{
	enum { N = 16, ROUNDS = 20 };
	struct rig rig;
	struct rig_end clients[N];
	char body[128];

	(void)state;
	rig_open(&rig, RIG_EXTENSION);
	for (int i = 0; i < N; i++) {
		clients[i] = rig_connect(&rig);
		(void)rig_command(&rig, &clients[i], CCPROXY_ATTACH_VM,
				  "{\"containerId\":\"pod1\"}");
	}
	for (int round = 0; round < ROUNDS; round++) {
		for (int i = 0; i < N; i++) {
			(void)snprintf(
				body, sizeof(body),
				"{\"hyperName\":\"pscontainer\",\"data\":{\"container\":\"%d-%d\"}}",
				round, i);
			rig_send(&clients[(i + round) % N], CCPROXY_COMMAND, CCPROXY_HYPER, body);
		}
		for (int i = 0; i < N; i++)
			rig_answer(&rig, CALL_ACK, rig_call(&rig).payload);
		for (int i = 0; i < N; i++) {
			(void)snprintf(body, sizeof(body), "{\"container\":\"%d-%d\"}", round, i);
			assert_string_equal(rig_receive(&rig, &clients[(i + round) % N]).payload,
					    body);
		}
	}
	for (int i = 0; i < N; i++)
		rig_end_close(&clients[i]);
	rig_close(&rig);
}

/* A connection with a transient token for one process. */
static struct rig_end attach_transient(struct rig *rig, char token[static 45])
{
	struct rig_end end = rig_connect(rig);
	const char *reply = rig_command(rig, &end, CCPROXY_ATTACH_VM,
					"{\"containerId\":\"pod1\",\"numIOStreams\":1,"
					"\"transient\":true}");
	const char *pos = strstr(reply, "[\"");

	assert_non_null(pos);
	(void)snprintf(token, 45, "%.44s", pos + 2);
	return end;
}

static void test_unused_tokens_end_with_their_connection(void **state)
{
	struct rig rig;
	struct rig_end owner, shim, other;
	char token[45], body[128];

	(void)state;
	rig_open(&rig, RIG_EXTENSION);
	/* one that nobody has claimed */
	owner = attach_transient(&rig, token);
	rig_end_close(&owner);
	rig_turn(&rig);
	other = rig_connect(&rig);
	(void)snprintf(body, sizeof(body), "{\"token\":\"%s\"}", token);
	assert_non_null(
		strstr(rig_refused(&rig, &other, CCPROXY_CONNECT_SHIM, body), "unknown token"));
	rig_end_close(&other);
	/* one whose start waits for its shim */
	owner = attach_transient(&rig, token);
	rig_send_start(&owner, "execprocess", token, false);
	rig_turn(&rig);
	rig_end_close(&owner);
	assert_true(rig_is_silent(&rig, &rig.ctl));
	/* one with a shim that waits */
	owner = attach_transient(&rig, token);
	shim = rig_shim(&rig, token, "");
	rig_end_close(&owner);
	rig_assert_exit(&rig, &shim, 255);
	rig_end_close(&shim);
	/* one that is not transient */
	rig_token(&rig, token);
	shim = rig_shim(&rig, token, "");
	rig_end_close(&rig.runtime);
	assert_true(rig_is_silent(&rig, &shim));
	rig_end_close(&shim);
	rig_close(&rig);
}

static void test_used_tokens_outlive_their_connection(void **state)
{
	struct rig rig;
	struct rig_end owner, shim;
	struct ctl_frame call;
	char token[45];

	(void)state;
	rig_open(&rig, RIG_EXTENSION);
	owner = attach_transient(&rig, token);
	shim = rig_shim(&rig, token, "");
	rig_send_start(&owner, "execprocess", token, false);
	call = rig_call(&rig);
	assert_int_equal(call.code, CALL_EXECPROCESS);
	/* under way */
	rig_end_close(&owner);
	assert_true(rig_is_silent(&rig, &shim));
	rig_answer(&rig, CALL_ACK, "");
	assert_true(rig_is_silent(&rig, &shim));
	rig_end_close(&shim);
	rig_close(&rig);
}

static void test_tokens(void **state)
{
	struct rig rig;
	struct rig_end shim, other;
	char token[45], body[128];

	(void)state;
	rig_open(&rig, RIG_EXTENSION);
	rig_token(&rig, token);
	assert_int_equal(strspn(token,
				"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"),
			 43);
	assert_int_equal(token[43], '=');
	shim = rig_shim(&rig, token, "");
	other = rig_connect(&rig);
	(void)snprintf(body, sizeof(body), "{\"token\":\"%s\"}", token);
	assert_non_null(strstr(rig_refused(&rig, &other, CCPROXY_CONNECT_SHIM, body),
			       "token already claimed"));
	token[0] = token[0] == 'A' ? 'B' : 'A';
	(void)snprintf(body, sizeof(body), "{\"token\":\"%s\"}", token);
	assert_non_null(
		strstr(rig_refused(&rig, &other, CCPROXY_CONNECT_SHIM, body), "unknown token"));
	assert_non_null(strstr(rig_refused(&rig, &other, CCPROXY_DISCONNECT_SHIM, ""),
			       "client isn't a shim"));
	assert_non_null(strstr(rig_refused(&rig, &other, CCPROXY_HYPER, "{\"hyperName\":\"ping\"}"),
			       "client not attached to a vm"));
	assert_non_null(
		strstr(rig_refused(&rig, &other, CCPROXY_ATTACH_VM, "{\"containerId\":\"no\"}"),
		       "unknown containerID: no"));
	rig_end_close(&shim);
	rig_end_close(&other);
	rig_close(&rig);
}

static void test_starts_without_token(void **state)
{
	static const char start[] =
		"{\"hyperName\":\"execcmd\",\"tokens\":null,\"data\":{\"container\":\"c1\",\"process\":{}}}";
	struct rig rig;

	(void)state;
	rig_open(&rig, RIG_EXTENSION);
	for (int i = 0; i < 2; i++) {
		rig_send(&rig.runtime, CCPROXY_COMMAND, CCPROXY_HYPER, start);
		rig_assert_call(
			&rig, CALL_EXECCMD,
			i == 0 ? "{\"container\":\"c1\",\"process\":{\"stdio\":1,\"stderr\":2}}"
			       : "{\"container\":\"c1\",\"process\":{\"stdio\":3,\"stderr\":4}}");
		rig_answer(&rig, CALL_ACK, "");
		assert_false(rig_receive(&rig, &rig.runtime).error);
	}
	(void)rig_refused(&rig, &rig.runtime, CCPROXY_HYPER,
			  "{\"hyperName\":\"execcmd\",\"data\":{\"container\":\"c1\"}}");
	rig_close(&rig);
}

static void test_oversize_is_refused_and_skipped(void **state)
{
	static const char header[] = "\0\2\3\0\0\0\0\3\1\0\0\1";
	static char junk[1 << 16];
	struct rig rig;

	(void)state;
	rig_open(&rig, RIG_EXTENSION);
	assert_int_equal(write(rig.runtime.fd, header, 12), 12);
	assert_true(rig_receive(&rig, &rig.runtime).error);
	for (size_t left = CCPROXY_PAYLOAD_MAX + 1; left > 0;) {
		ssize_t n = send(rig.runtime.fd, junk, left < sizeof(junk) ? left : sizeof(junk),
				 MSG_DONTWAIT);

		if (n > 0)
			left -= (size_t)n;
		else
			rig_turn(&rig);
	}
	(void)rig_command(&rig, &rig.runtime, CCPROXY_ATTACH_VM, "{\"containerId\":\"pod1\"}");
	rig_close(&rig);
}

static void test_garbage_ends_only_its_connection(void **state)
{
	struct rig rig;
	struct rig_end bad;

	(void)state;
	rig_open(&rig, RIG_EXTENSION);
	bad = rig_connect(&rig);
	assert_int_equal(write(bad.fd, "\0\2\0\0\0\0\0\2\xff\xff\xff\xff", 12), 12);
	assert_true(rig_is_closed(&rig, &bad));
	(void)rig_command(&rig, &rig.runtime, CCPROXY_ATTACH_VM, "{\"containerId\":\"pod1\"}");
	rig_end_close(&bad);
	rig_close(&rig);
}

static void test_death_of_the_vm_reaches_everybody(void **state)
{
	struct rig rig;
	struct rig_end shim;
	struct ccproxy_frame frame;

	(void)state;
	rig_open(&rig, RIG_EXTENSION);
	shim = rig_started(&rig, "createcontainer", "");
	rig_send(&rig.runtime, CCPROXY_COMMAND, CCPROXY_HYPER, "{\"hyperName\":\"ping\"}");
	(void)rig_call(&rig);
	rig_output(&rig, 3, "last words", 10);
	rig_end_close(&rig.ctl);
	rig_assert_stream(&rig, &shim, CCPROXY_STDOUT, "last words");
	rig_assert_exit(&rig, &shim, 255);
	frame = rig_receive(&rig, &rig.runtime);
	assert_true(frame.error);
	assert_non_null(strstr(frame.payload, "the VM is gone"));
	assert_false(rig.proxy.ended);
	rig_end_close(&shim);
	rig_end_close(&rig.runtime);
	rig_turn(&rig);
	assert_true(rig.proxy.ended);
	rig_close(&rig);
}

static void test_bad_frame_of_the_guest_loses_the_vm(void **state)
{
	struct rig rig;
	struct rig_end shim;

	(void)state;
	rig_open(&rig, RIG_EXTENSION);
	shim = rig_started(&rig, "createcontainer", "");
	assert_int_equal(write(rig.tty.fd, "\0\0\0\0\0\0\0\x03\0\0\0\x03", 12), 12);
	rig_assert_exit(&rig, &shim, 255);
	rig_end_close(&shim);
	rig_close(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_golden_session),
		cmocka_unit_test(test_start_waits_for_its_shim),
		cmocka_unit_test(test_start_without_shim_times_out),
		cmocka_unit_test(test_failed_start_ends_the_shim),
		cmocka_unit_test(test_late_answer_is_not_the_next_ones),
		cmocka_unit_test(test_concurrent_calls_keep_their_answers),
		cmocka_unit_test(test_unused_tokens_end_with_their_connection),
		cmocka_unit_test(test_used_tokens_outlive_their_connection),
		cmocka_unit_test(test_tokens),
		cmocka_unit_test(test_starts_without_token),
		cmocka_unit_test(test_oversize_is_refused_and_skipped),
		cmocka_unit_test(test_garbage_ends_only_its_connection),
		cmocka_unit_test(test_death_of_the_vm_reaches_everybody),
		cmocka_unit_test(test_bad_frame_of_the_guest_loses_the_vm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
