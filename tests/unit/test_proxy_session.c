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

/* Sends the start of container c1 (or of an exec in it) without waiting for its answer. */
static void send_start(struct rig_end *end, const char *name, const char *token, bool terminal)
{
	char body[512];

	(void)snprintf(
		body, sizeof(body),
		"{\"hyperName\":\"%s\",\"tokens\":[\"%s\"],\"data\":{\"id\":\"c1\",\"container\":\"c1\",\"later\":{\"a\":[1.50,null]},"
		"\"process\":{\"x\":7,\"terminal\":%s}}}",
		name, token, terminal ? "true" : "false");
	rig_send(end, CCPROXY_COMMAND, CCPROXY_HYPER, body);
}

/* A shim and its started process. */
static struct rig_end started(struct rig *rig, const char *name, const char *more)
{
	char token[45];
	struct rig_end shim;
	struct ccproxy_frame frame;

	rig_token(rig, token);
	shim = rig_shim(rig, token, more);
	send_start(&rig->runtime, name, token, false);
	(void)rig_call(rig);
	rig_answer(rig, CALL_ACK, "");
	frame = rig_receive(rig, &rig->runtime);
	assert_int_equal(frame.type, CCPROXY_RESPONSE);
	assert_false(frame.error);
	return shim;
}

static void assert_stream(struct rig *rig, struct rig_end *shim, unsigned opcode, const char *text)
{
	struct ccproxy_frame frame = rig_receive(rig, shim);

	assert_int_equal(frame.type, CCPROXY_STREAM);
	assert_int_equal(frame.opcode, opcode);
	assert_string_equal(frame.payload, text);
}

static void assert_exit(struct rig *rig, struct rig_end *shim, unsigned code)
{
	struct ccproxy_frame frame = rig_receive(rig, shim);

	assert_int_equal(frame.type, CCPROXY_NOTIFICATION);
	assert_int_equal(frame.opcode, CCPROXY_PROCESS_EXITED);
	assert_int_equal(frame.len, 1);
	assert_int_equal((unsigned char)frame.payload[0], code);
}

static void assert_call(struct rig *rig, uint32_t code, const char *body)
{
	struct ctl_frame call = rig_call(rig);

	assert_int_equal(call.code, code);
	assert_string_equal(call.payload, body);
}

static void test_golden_session(void **state)
{
	struct rig rig;
	struct rig_end shim, second;
	char token[45];

	(void)state;
	rig_open(&rig, RIG_PLAIN);
	rig_send(&rig.runtime, CCPROXY_COMMAND, CCPROXY_HYPER,
		 "{\"hyperName\":\"startpod\",\"tokens\":null,\"data\":{\"shareDir\":\"s\"}}");
	assert_call(&rig, CALL_STARTPOD, "{\"shareDir\":\"s\"}");
	rig_answer(&rig, CALL_ACK, "");
	assert_int_equal(rig_receive(&rig, &rig.runtime).len, 0);
	rig_token(&rig, token);
	shim = rig_shim(&rig, token, "");
	second = rig_connect(&rig);
	(void)rig_command(&rig, &second, CCPROXY_ATTACH_VM, "{\"containerId\":\"pod1\"}");
	send_start(&second, "newcontainer", token, false);
	assert_call(&rig, CALL_NEWCONTAINER,
		    "{\"id\":\"c1\",\"container\":\"c1\",\"later\":{\"a\":[1.50,null]},"
		    "\"process\":{\"x\":7,\"terminal\":false,\"stdio\":3,\"stderr\":4}}");
	/* Output may come before the answer. */
	rig_output(&rig, 3, "out\n", 4);
	assert_stream(&rig, &shim, CCPROXY_STDOUT, "out\n");
	rig_answer(&rig, CALL_ACK, "");
	assert_false(rig_receive(&rig, &second).error);
	rig_output(&rig, 4, "err\n", 4);
	assert_stream(&rig, &shim, CCPROXY_STDERR, "err\n");
	rig_send(&shim, CCPROXY_STREAM, CCPROXY_STDIN, "input");
	rig_send(&shim, CCPROXY_STREAM, CCPROXY_STDIN, "");
	assert_string_equal(rig_stdin(&rig).payload, "input");
	assert_int_equal(rig_stdin(&rig).len, 0);
	rig_output(&rig, 3, NULL, 0);
	rig_output(&rig, 3, "\x2a", 1);
	assert_exit(&rig, &shim, 42);
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
	send_start(&rig.runtime, "createcontainer", token, true);
	assert_true(rig_is_silent(&rig, &rig.ctl));
	shim = rig_shim(&rig, token, "");
	/* A terminal has no stderr of its own. */
	assert_call(&rig, CALL_CREATECONTAINER,
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
	send_start(&rig.runtime, "createcontainer", token, false);
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
	send_start(&rig.runtime, "execcmd", token, false);
	(void)rig_call(&rig);
	rig_answer(&rig, CALL_ERROR, "no such \"file\"");
	frame = rig_receive(&rig, &rig.runtime);
	assert_true(frame.error);
	assert_string_equal(
		frame.payload,
		"{\"msg\":\"ERROR received from VM agent, control msg received : no such \\\"file\\\"\"}");
	assert_exit(&rig, &shim, 255);
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

static void test_slow_shim_starves_nobody(void **state)
{
	static char data[60000];
	struct rig rig;
	struct rig_end slow, quick;
	size_t sent = 0;

	(void)state;
	rig_open(&rig, RIG_EXTENSION);
	slow = started(&rig, "createcontainer", "");
	quick = started(&rig, "execcmd", "");
	while (sent + sizeof(data) <= STREAM_WINDOW) {
		rig_output(&rig, 3, data, sizeof(data));
		sent += sizeof(data);
		rig_turn(&rig);
	}
	rig_output(&rig, 5, "quick", 5);
	assert_stream(&rig, &quick, CCPROXY_STDOUT, "quick");
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
	shim = started(&rig, "createcontainer", "");
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
	send_start(&rig.runtime, "execcmd", token, false);
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

static void test_output_is_held_for_a_shim_that_returns(void **state)
{
	struct rig rig;
	struct rig_end shim;
	char token[45];

	(void)state;
	rig_open(&rig, RIG_EXTENSION);
	rig_token(&rig, token);
	shim = rig_shim(&rig, token, "");
	send_start(&rig.runtime, "execcmd", token, false);
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
	assert_stream(&rig, &shim, CCPROXY_STDOUT, "held back");
	assert_exit(&rig, &shim, 5);
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
	shim = started(&rig, "createcontainer", ",\"flow\":true");
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
	send_start(&rig.runtime, "newcontainer", token, false);
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
	shim = started(&rig, "createcontainer", "");
	exec = started(&rig, "execprocess", "");
	rig_send(&shim, CCPROXY_COMMAND, CCPROXY_SIGNAL, "{\"signalNumber\":64}");
	assert_call(&rig, CALL_SIGNALPROCESS,
		    "{\"container\":\"c1\",\"process\":\"init\",\"signal\":64}");
	rig_answer(&rig, CALL_ACK, "");
	assert_false(rig_receive(&rig, &shim).error);
	rig_send(&exec, CCPROXY_COMMAND, CCPROXY_SIGNAL, "{\"signalNumber\":9}");
	assert_call(&rig, CALL_SIGNALPROCESS,
		    "{\"container\":\"c1\",\"process\":\"5\",\"signal\":9}");
	rig_answer(&rig, CALL_ERROR, "gone");
	assert_true(rig_receive(&rig, &exec).error);
	rig_send(&exec, CCPROXY_COMMAND, CCPROXY_SIGNAL,
		 "{\"signalNumber\":28,\"rows\":24,\"columns\":80}");
	assert_call(&rig, CALL_WINSIZE, "{\"seq\":5,\"row\":24,\"column\":80}");
	rig_answer(&rig, CALL_ACK, "");
	assert_false(rig_receive(&rig, &exec).error);
	rig_send(&exec, CCPROXY_COMMAND, CCPROXY_SIGNAL, "{\"signalNumber\":28}");
	assert_call(&rig, CALL_SIGNALPROCESS,
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
	shim = started(&rig, "newcontainer", "");
	exec = started(&rig, "execcmd", "");
	rig_send(&shim, CCPROXY_COMMAND, CCPROXY_SIGNAL, "{\"signalNumber\":34}");
	assert_call(&rig, CALL_KILLCONTAINER,
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
	send_start(&rig.runtime, "createcontainer", token, false);
	(void)rig_call(&rig);
	rig_answer(&rig, CALL_ACK, "");
	assert_call(&rig, CALL_WINSIZE, "{\"seq\":3,\"row\":5,\"column\":6}");
	assert_call(&rig, CALL_SIGNALPROCESS,
		    "{\"container\":\"c1\",\"process\":\"init\",\"signal\":10}");
	(void)rig_receive(&rig, &rig.runtime);
	rig_token(&rig, token);
	other = rig_shim(&rig, token, "");
	rig_send(&other, CCPROXY_COMMAND, CCPROXY_SIGNAL, "{\"signalNumber\":15}");
	assert_exit(&rig, &other, 143);
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
	shim = started(&rig, "execprocess", ",\"kill_on_close\":true");
	rig_end_close(&shim);
	assert_call(&rig, CALL_SIGNALPROCESS,
		    "{\"container\":\"c1\",\"process\":\"3\",\"signal\":9}");
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
		assert_call(
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
	shim = started(&rig, "createcontainer", "");
	rig_send(&rig.runtime, CCPROXY_COMMAND, CCPROXY_HYPER, "{\"hyperName\":\"ping\"}");
	(void)rig_call(&rig);
	rig_output(&rig, 3, "last words", 10);
	rig_end_close(&rig.ctl);
	assert_stream(&rig, &shim, CCPROXY_STDOUT, "last words");
	assert_exit(&rig, &shim, 255);
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
	shim = started(&rig, "createcontainer", "");
	assert_int_equal(write(rig.tty.fd, "\0\0\0\0\0\0\0\x03\0\0\0\x03", 12), 12);
	assert_exit(&rig, &shim, 255);
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
		cmocka_unit_test(test_slow_shim_starves_nobody),
		cmocka_unit_test(test_credit_follows_what_was_written),
		cmocka_unit_test(test_output_beyond_credit_loses_the_vm),
		cmocka_unit_test(test_output_is_held_for_a_shim_that_returns),
		cmocka_unit_test(test_stdin_stays_within_credit),
		cmocka_unit_test(test_stdin_before_the_start_is_kept),
		cmocka_unit_test(test_signals_of_the_extension),
		cmocka_unit_test(test_signals_of_plain_agents),
		cmocka_unit_test(test_signals_before_the_start),
		cmocka_unit_test(test_death_of_our_shim_kills_its_process),
		cmocka_unit_test(test_tokens),
		cmocka_unit_test(test_starts_without_token),
		cmocka_unit_test(test_oversize_is_refused_and_skipped),
		cmocka_unit_test(test_garbage_ends_only_its_connection),
		cmocka_unit_test(test_death_of_the_vm_reaches_everybody),
		cmocka_unit_test(test_bad_frame_of_the_guest_loses_the_vm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
