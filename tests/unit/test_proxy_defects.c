/* What the original proxy got wrong and no other test shows: each fails on its behaviour. The whole
 * list with all tests is in docs/heritage.md. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "agent/proto/calls.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "tests/unit/proxy_rig.h"

enum { MEGABYTE = 1 << 20 };

/* It refused calls above 10240 bytes, and no call of that VM was answered afterwards. */
static void a_call_may_be_large(void **state)
{
	auto_strbuf struct strbuf request = { 0 };
	struct rig rig;
	struct ctl_frame call;

	(void)state;
	rig_open(&rig, RIG_PLAIN);
	strbuf_adds(&request, "{\"hyperName\":\"startpod\",\"data\":{\"hostname\":\"");
	for (int i = 0; i < MEGABYTE; i++)
		strbuf_addc(&request, 'x');
	strbuf_adds(&request, "\"}}");
	rig_send(&rig.runtime, CCPROXY_COMMAND, CCPROXY_HYPER, strbuf_str(&request));
	call = rig_call(&rig);
	assert_int_equal(call.code, CALL_STARTPOD);
	assert_int_equal(call.len, MEGABYTE + 15);
	rig_answer(&rig, CALL_ACK, "");
	assert_false(rig_receive(&rig, &rig.runtime).error);
	rig_close(&rig);
}

/* It hung all calls of the VM after one whose name it did not know. */
static void an_unknown_name_disturbs_no_later_call(void **state)
{
	struct rig rig;

	(void)state;
	rig_open(&rig, RIG_PLAIN);
	assert_non_null(strstr(rig_refused(&rig, &rig.runtime, CCPROXY_HYPER,
					   "{\"hyperName\":\"nonsense\",\"tokens\":null}"),
			       "unknown command 'nonsense'"));
	rig_send(&rig.runtime, CCPROXY_COMMAND, CCPROXY_HYPER, "{\"hyperName\":\"ping\"}");
	rig_assert_call(&rig, CALL_PING, "");
	rig_answer(&rig, CALL_ACK, "");
	assert_false(rig_receive(&rig, &rig.runtime).error);
	rig_close(&rig);
}

/* It took one byte of stderr behind the end of stdout for the exit code. */
static void a_byte_of_stderr_is_no_exit_code(void **state)
{
	struct rig rig;
	struct rig_end shim;

	(void)state;
	rig_open(&rig, RIG_PLAIN);
	shim = rig_started(&rig, "newcontainer", "");
	rig_output(&rig, 3, NULL, 0);
	rig_output(&rig, 4, "\x07", 1);
	assert_true(rig_is_silent(&rig, &shim));
	rig_output(&rig, 3, "\x05", 1);
	rig_assert_exit(&rig, &shim, 5);
	rig_end_close(&shim);
	rig_close(&rig);
}

/* It delivered one byte of output as what it is only by luck. */
static void a_byte_of_output_is_output(void **state)
{
	struct rig rig;
	struct rig_end shim;

	(void)state;
	rig_open(&rig, RIG_PLAIN);
	shim = rig_started(&rig, "newcontainer", "");
	rig_output(&rig, 3, "$", 1);
	rig_assert_stream(&rig, &shim, CCPROXY_STDOUT, "$");
	rig_end_close(&shim);
	rig_close(&rig);
}

/* It waited 30 s for the start behind early stdin, lost the signal and ended with 0. */
static void a_signal_passes_early_stdin(void **state)
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
	rig_send(&shim, CCPROXY_COMMAND, CCPROXY_SIGNAL, "{\"signalNumber\":15}");
	for (int i = 0; i < 2; i++) {
		struct ccproxy_frame frame = rig_receive(&rig, &shim);

		if (frame.type == CCPROXY_RESPONSE) {
			assert_false(frame.error);
			continue;
		}
		assert_int_equal(frame.type, CCPROXY_NOTIFICATION);
		assert_int_equal((unsigned char)frame.payload[0], 128 + 15);
	}
	rig_end_close(&shim);
	rig_close(&rig);
}

/* It refused signals from 31 on, and SIGWINCH that is not a new size. */
static void every_signal_is_delivered(void **state)
{
	static const int signals[] = { 1, 3, 28, 31, 34, 64 };
	struct rig rig;
	struct rig_end shim;

	(void)state;
	rig_open(&rig, RIG_PLAIN);
	shim = rig_started(&rig, "newcontainer", "");
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		char text[64], body[96];

		(void)snprintf(text, sizeof(text), "{\"signalNumber\":%d}", signals[i]);
		rig_send(&shim, CCPROXY_COMMAND, CCPROXY_SIGNAL, text);
		(void)snprintf(body, sizeof(body),
			       "{\"container\":\"c1\",\"signal\":%d,\"allProcesses\":false}",
			       signals[i]);
		rig_assert_call(&rig, CALL_KILLCONTAINER, body);
		rig_answer(&rig, CALL_ACK, "");
		assert_false(rig_receive(&rig, &shim).error);
	}
	(void)rig_refused(&rig, &shim, CCPROXY_SIGNAL, "{\"signalNumber\":65}");
	(void)rig_refused(&rig, &shim, CCPROXY_SIGNAL, "{\"signalNumber\":0}");
	rig_end_close(&shim);
	rig_close(&rig);
}

/* It dropped what it did not know of a start, and accepted the old spellings alone. */
static void both_spellings_are_understood(void **state)
{
	static const struct {
		const char *name;
		uint32_t code;
	} rows[] = { { "startpod", CALL_STARTPOD },
		     { "startsandbox", CALL_STARTPOD },
		     { "destroypod", CALL_DESTROYPOD },
		     { "destroysandbox", CALL_DESTROYPOD } };
	struct rig rig;
	char text[64];

	(void)state;
	rig_open(&rig, RIG_PLAIN);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		(void)snprintf(text, sizeof(text), "{\"hyperName\":\"%s\"}", rows[i].name);
		rig_send(&rig.runtime, CCPROXY_COMMAND, CCPROXY_HYPER, text);
		rig_assert_call(&rig, rows[i].code, "");
		rig_answer(&rig, CALL_ACK, "");
		assert_false(rig_receive(&rig, &rig.runtime).error);
	}
	rig_close(&rig);
}

/* Nowhere was it written down. */
static void every_call_is_documented(void **state)
{
	static const char *const names[] = {
#define X(symbol, code, name, token) (name),
		CALLS_LIST(X)
#undef X
	};
	auto_strbuf struct strbuf text = { 0 };
	char quoted[64];

	(void)state;
	assert_int_equal(fs_read_file_at(AT_FDCWD, TEST_SOURCE_DIR "/docs/protocols.md", &text,
					 MEGABYTE),
			 0);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		(void)snprintf(quoted, sizeof(quoted), "`%s`", names[i]);
		/* Of these the text tells by their upper case names. */
		if (strcmp(names[i], "ack") == 0 || strcmp(names[i], "error") == 0 ||
		    strcmp(names[i], "next") == 0 || strcmp(names[i], "hello") == 0)
			continue;
		if (!strstr(strbuf_str(&text), quoted))
			fail_msg("docs/protocols.md does not tell of %s", quoted);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_call_may_be_large),
		cmocka_unit_test(an_unknown_name_disturbs_no_later_call),
		cmocka_unit_test(a_byte_of_stderr_is_no_exit_code),
		cmocka_unit_test(a_byte_of_output_is_output),
		cmocka_unit_test(a_signal_passes_early_stdin),
		cmocka_unit_test(every_signal_is_delivered),
		cmocka_unit_test(both_spellings_are_understood),
		cmocka_unit_test(every_call_is_documented),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
