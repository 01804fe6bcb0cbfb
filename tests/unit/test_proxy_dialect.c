/* Our proxy in front of agents of each dialect, played as the recordings of the originals show
 * them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "agent/proto/calls.h"
#include "tests/unit/proxy_rig.h"

enum { D2_EVENT = 23, D2_SIGNALPROCESS = 24 };

#define NEWCONTAINER(more)                                                    \
	"{\"id\":\"c1\",\"rootfs\":\"rootfs\",\"image\":\"c1\",\"process\":{" \
	"\"terminal\":false,\"args\":[\"/bin/sh\"]" more "}}"
#define EXECCMD(more) \
	"{\"container\":\"c1\",\"process\":{\"terminal\":false,\"args\":[\"/bin/cat\"]" more "}}"

/* Starts a process by call `name` and checks what the agent is asked. */
static struct rig_end start(struct rig *rig, const char *name, const char *data, uint32_t code,
			    const char *body)
{
	char token[45], text[512];
	struct rig_end shim;

	rig_token(rig, token);
	shim = rig_shim(rig, token, "");
	(void)snprintf(text, sizeof(text), "{\"hyperName\":\"%s\",\"tokens\":[\"%s\"],\"data\":%s}",
		       name, token, data);
	rig_send(&rig->runtime, CCPROXY_COMMAND, CCPROXY_HYPER, text);
	rig_assert_call(rig, code, body);
	rig_answer(rig, CALL_ACK, "");
	assert_false(rig_receive(rig, &rig->runtime).error);
	return shim;
}

static void finished(struct rig *rig, const char *process, int status)
{
	char text[128];

	(void)snprintf(
		text, sizeof(text),
		"{\"container\":\"c1\",\"process\":\"%s\",\"event\":\"finished\",\"status\":%d}",
		process, status);
	rig_answer(rig, D2_EVENT, text);
}

static void assert_dialect(enum rig_agent agent, const char *name)
{
	struct rig rig;
	char text[128];

	rig_open(&rig, agent);
	(void)snprintf(text, sizeof(text),
		       "{\"io\":{\"URL\":\"unix:///run/p.sock\",\"tokens\":null},"
		       "\"dialect\":\"%s\"}",
		       name);
	assert_string_equal(rig_command(&rig, &rig.runtime, CCPROXY_ATTACH_VM,
					"{\"containerId\":\"pod1\",\"dialect\":true}"),
			    text);
	rig_close(&rig);
}

static void the_dialect_is_found_and_told(void **state)
{
	(void)state;
	assert_dialect(RIG_EXTENSION, "acrun");
	assert_dialect(RIG_PLAIN, "D3");
	assert_dialect(RIG_D2, "D2");
	assert_dialect(RIG_D1, "D1");
}

static void d2_gets_a_process_id_and_tells_the_code_by_event(void **state)
{
	struct rig rig;
	struct rig_end init, cat;

	(void)state;
	rig_open(&rig, RIG_D2);
	init = start(&rig, "newcontainer", NEWCONTAINER(""), CALL_NEWCONTAINER,
		     NEWCONTAINER(",\"stdio\":3,\"stderr\":4,\"id\":\"init\""));
	cat = start(&rig, "execcmd", EXECCMD(""), CALL_EXECCMD,
		    EXECCMD(",\"stdio\":5,\"stderr\":6,\"id\":\"5\""));
	/* The code first, then the end of the output: both orders have been seen. */
	finished(&rig, "5", 4);
	assert_true(rig_is_silent(&rig, &cat));
	rig_output(&rig, 5, "tail", 4);
	rig_assert_stream(&rig, &cat, CCPROXY_STDOUT, "tail");
	rig_output(&rig, 5, NULL, 0);
	rig_assert_exit(&rig, &cat, 4);
	rig_output(&rig, 3, NULL, 0);
	/* What would be an exit code of D1 is none of D2. */
	rig_output(&rig, 3, "\x07", 1);
	assert_true(rig_is_silent(&rig, &init));
	finished(&rig, "init", 9);
	rig_assert_exit(&rig, &init, 9);
	rig_end_close(&init);
	rig_end_close(&cat);
	rig_close(&rig);
}

static void d2_keeps_a_process_id_that_is_there(void **state)
{
	struct rig rig;
	struct rig_end init;

	(void)state;
	rig_open(&rig, RIG_D2);
	init = start(&rig, "newcontainer", NEWCONTAINER(",\"id\":\"mine\""), CALL_NEWCONTAINER,
		     NEWCONTAINER(",\"id\":\"mine\",\"stdio\":3,\"stderr\":4"));
	finished(&rig, "init", 1);
	finished(&rig, "mine", 2);
	rig_output(&rig, 3, NULL, 0);
	rig_assert_exit(&rig, &init, 2);
	rig_end_close(&init);
	rig_close(&rig);
}

static void d2_signals_and_sizes_by_name(void **state)
{
	struct rig rig;
	struct rig_end init, cat;

	(void)state;
	rig_open(&rig, RIG_D2);
	init = rig_started(&rig, "newcontainer", "");
	cat = rig_started(&rig, "execcmd", "");
	rig_send(&init, CCPROXY_COMMAND, CCPROXY_SIGNAL, "{\"signalNumber\":15}");
	rig_assert_call(&rig, CALL_KILLCONTAINER,
			"{\"container\":\"c1\",\"signal\":15,\"allProcesses\":false}");
	rig_answer(&rig, CALL_ERROR, "no such process");
	assert_true(rig_receive(&rig, &init).error);
	rig_send(&cat, CCPROXY_COMMAND, CCPROXY_SIGNAL, "{\"signalNumber\":10}");
	rig_assert_call(&rig, D2_SIGNALPROCESS,
			"{\"container\":\"c1\",\"process\":\"5\",\"signal\":10}");
	rig_answer(&rig, CALL_ACK, "");
	assert_false(rig_receive(&rig, &cat).error);
	rig_send(&cat, CCPROXY_COMMAND, CCPROXY_SIGNAL,
		 "{\"signalNumber\":28,\"rows\":40,\"columns\":100}");
	rig_assert_call(&rig, CALL_WINSIZE,
			"{\"container\":\"c1\",\"process\":\"5\",\"row\":40,\"column\":100}");
	rig_end_close(&init);
	rig_end_close(&cat);
	rig_close(&rig);
}

static void d1_has_no_process_id_and_the_code_on_the_stream(void **state)
{
	struct rig rig;
	struct rig_end init, cat;

	(void)state;
	rig_open(&rig, RIG_D1);
	init = start(&rig, "newcontainer", NEWCONTAINER(""), CALL_NEWCONTAINER,
		     NEWCONTAINER(",\"stdio\":3,\"stderr\":4"));
	cat = rig_started(&rig, "execcmd", "");
	/* 23 is nothing of D1's. */
	finished(&rig, "5", 4);
	assert_non_null(strstr(rig_refused(&rig, &cat, CCPROXY_SIGNAL, "{\"signalNumber\":15}"),
			       "the agent (D1) cannot signal a process that was started by exec"));
	rig_output(&rig, 5, NULL, 0);
	assert_true(rig_is_silent(&rig, &cat));
	rig_output(&rig, 5, "\x03", 1);
	rig_assert_exit(&rig, &cat, 3);
	rig_send(&init, CCPROXY_COMMAND, CCPROXY_SIGNAL,
		 "{\"signalNumber\":28,\"rows\":40,\"columns\":100}");
	rig_assert_call(&rig, CALL_WINSIZE, "{\"seq\":3,\"row\":40,\"column\":100}");
	rig_end_close(&init);
	rig_end_close(&cat);
	rig_close(&rig);
}

/* hyperstart's PID 1 dies of a frame above 4096 bytes, and throws away what is above 512. */
static void hyperstart_gets_stdin_in_small_frames(void **state)
{
	static const struct {
		enum rig_agent agent;
		size_t most;
	} rows[] = { { RIG_D1, 512 }, { RIG_D2, 512 }, { RIG_PLAIN, 4084 } };
	static char data[10000];

	(void)state;
	memset(data, 'x', sizeof(data) - 1);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct rig rig;
		struct rig_end shim;
		size_t got = 0;

		rig_open(&rig, rows[i].agent);
		shim = rig_started(&rig, "newcontainer", "");
		rig_send(&shim, CCPROXY_STREAM, CCPROXY_STDIN, data);
		while (got < sizeof(data) - 1) {
			struct tty_frame frame = rig_stdin(&rig);

			assert_int_equal(frame.stream, 3);
			assert_in_range(frame.len, 1, rows[i].most);
			got += frame.len;
		}
		assert_int_equal(got, sizeof(data) - 1);
		rig_end_close(&shim);
		rig_close(&rig);
	}
}

/* The goodbye that hyperstart says on a stream it does not know is no end of output. */
static void a_goodbye_before_the_start_is_not_the_end(void **state)
{
	struct rig rig;
	struct rig_end shim;
	char token[45];

	(void)state;
	rig_open(&rig, RIG_D1);
	rig_token(&rig, token);
	shim = rig_shim(&rig, token, "");
	rig_output(&rig, 3, NULL, 0);
	rig_output(&rig, 3, "\x05", 1);
	assert_true(rig_is_silent(&rig, &shim));
	rig_send_start(&rig.runtime, "newcontainer", token, false);
	(void)rig_call(&rig);
	rig_answer(&rig, CALL_ACK, "");
	rig_output(&rig, 3, "\x05", 1);
	rig_assert_stream(&rig, &shim, CCPROXY_STDOUT, "\x05");
	rig_end_close(&shim);
	rig_close(&rig);
}

static void events_that_cannot_be_read_hurt_nobody(void **state)
{
	static const char *const events[] = {
		"",
		"{}",
		"[1]",
		"not json",
		"{\"container\":\"c1\",\"process\":null}",
		"{\"container\":\"c1\",\"process\":\"init\",\"event\":\"finished\",\"status\":\"9\"}",
		"{\"container\":\"c1\",\"process\":\"init\",\"event\":\"started\",\"status\":9}",
		"{\"container\":\"nosuch\",\"process\":\"init\",\"event\":\"finished\",\"status\":9}",
	};
	struct rig rig;
	struct rig_end shim;

	(void)state;
	rig_open(&rig, RIG_D2);
	shim = rig_started(&rig, "newcontainer", "");
	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++)
		rig_answer(&rig, D2_EVENT, events[i]);
	rig_output(&rig, 3, NULL, 0);
	assert_true(rig_is_silent(&rig, &shim));
	finished(&rig, "init", 0);
	rig_assert_exit(&rig, &shim, 0);
	rig_end_close(&shim);
	rig_close(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_dialect_is_found_and_told),
		cmocka_unit_test(d2_gets_a_process_id_and_tells_the_code_by_event),
		cmocka_unit_test(d2_keeps_a_process_id_that_is_there),
		cmocka_unit_test(d2_signals_and_sizes_by_name),
		cmocka_unit_test(d1_has_no_process_id_and_the_code_on_the_stream),
		cmocka_unit_test(hyperstart_gets_stdin_in_small_frames),
		cmocka_unit_test(a_goodbye_before_the_start_is_not_the_end),
		cmocka_unit_test(events_that_cannot_be_read_hurt_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
