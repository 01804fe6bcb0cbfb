/* What nobody should send: it ends with an error in the log that names who sent it and why, and
 * everybody else goes on. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>
#include "agent/proto/calls.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "tests/unit/proxy_rig.h"

/* A sandbox at work: a shim with its process; and its log. */
struct scene {
	struct rig rig;
	struct rig_end shim, bad;
	int log_fd;
};

static int setup(void **state)
{
	struct scene *scene = calloc(1, sizeof(*scene));

	assert_non_null(scene);
	scene->log_fd = memfd_create("log", MFD_CLOEXEC);
	assert_true(scene->log_fd >= 0);
	log_use_fd(scene->log_fd, LOG_TEXT, LOG_ERROR);
	rig_open(&scene->rig, RIG_EXTENSION);
	scene->shim = rig_started(&scene->rig, "createcontainer", "");
	scene->bad = rig_connect(&scene->rig);
	*state = scene;
	return 0;
}

static int teardown(void **state)
{
	struct scene *scene = *state;

	rig_end_close(&scene->shim);
	rig_end_close(&scene->bad);
	rig_close(&scene->rig);
	log_use_fd(STDERR_FILENO, LOG_TEXT, LOG_ERROR);
	cleanup_close(&scene->log_fd);
	free(scene);
	return 0;
}

static void assert_logged(struct scene *scene, const char *who, const char *why)
{
	char log[4096] = "";

	assert_true(pread(scene->log_fd, log, sizeof(log) - 1, 0) > 0);
	if (!strstr(log, "level=error") || !strstr(log, who) || !strstr(log, why))
		fail_msg("'%s' lacks '%s' or '%s'", log, who, why);
}

/* The process of the shim, the runtime and the agent are as well as before. */
static void assert_others_go_on(struct scene *scene)
{
	rig_output(&scene->rig, 3, "still here", 10);
	rig_assert_stream(&scene->rig, &scene->shim, CCPROXY_STDOUT, "still here");
	rig_send(&scene->rig.runtime, CCPROXY_COMMAND, CCPROXY_HYPER, "{\"hyperName\":\"ping\"}");
	rig_assert_call(&scene->rig, CALL_PING, "");
	rig_answer(&scene->rig, CALL_ACK, "");
	assert_false(rig_receive(&scene->rig, &scene->rig.runtime).error);
}

static const char *own_pid(void)
{
	static char text[32];

	(void)snprintf(text, sizeof(text), "process %lld", (long long)getpid());
	return text;
}

/* Sends those 12 bytes of a header on the connection that is nobody's. */
static void send_header(struct scene *scene, const char bytes[static 13])
{
	assert_int_equal(send(scene->bad.fd, bytes, 12, MSG_NOSIGNAL), 12);
	assert_true(rig_is_closed(&scene->rig, &scene->bad));
}

static void a_wrong_version(void **state)
{
	send_header(*state, "\0\1\3\0\0\0\0\2\0\0\0\0");
	assert_logged(*state, own_pid(), "version 1 of the protocol");
	assert_others_go_on(*state);
}

static void a_short_header(void **state)
{
	send_header(*state, "\0\2\2\0\0\0\0\2\0\0\0\0");
	assert_logged(*state, own_pid(), "a header of 8 bytes");
	assert_others_go_on(*state);
}

static void an_unknown_type(void **state)
{
	send_header(*state, "\0\2\3\0\0\0\7\0\0\0\0\0");
	assert_logged(*state, own_pid(), "type 7 with opcode 0");
	assert_others_go_on(*state);
}

static void an_unknown_opcode(void **state)
{
	send_header(*state, "\0\2\3\0\0\0\0\x63\0\0\0\0");
	assert_logged(*state, own_pid(), "type 0 with opcode 99");
	assert_others_go_on(*state);
}

static void what_only_the_proxy_sends(void **state)
{
	send_header(*state, "\0\2\3\0\0\0\1\3\0\0\0\0");
	assert_logged(*state, own_pid(), "type 1 with opcode 3 is not its to send");
	assert_others_go_on(*state);
}

static void stdin_of_nobody(void **state)
{
	send_header(*state, "\0\2\3\0\0\0\2\0\0\0\0\0");
	assert_logged(*state, own_pid(), "type 2 with opcode 0 is not its to send");
	assert_others_go_on(*state);
}

static void an_oversized_stream_frame(void **state)
{
	struct scene *scene = *state;
	char shim[64];

	(void)snprintf(shim, sizeof(shim), "%s, a shim of c1", own_pid());
	assert_int_equal(send(scene->shim.fd, "\0\2\3\0\0\0\2\0\xff\0\0\0", 12, MSG_NOSIGNAL), 12);
	assert_true(rig_is_closed(&scene->rig, &scene->shim));
	assert_logged(scene, shim, "a payload above 16777216 bytes");
	rig_send(&scene->rig.runtime, CCPROXY_COMMAND, CCPROXY_HYPER, "{\"hyperName\":\"ping\"}");
	rig_assert_call(&scene->rig, CALL_PING, "");
}

static void a_log_entry_that_cannot_be_read(void **state)
{
	struct scene *scene = *state;

	rig_send(&scene->bad, CCPROXY_STREAM, CCPROXY_LOG, "{\"source\":\"guest\"}");
	assert_true(rig_is_closed(&scene->rig, &scene->bad));
	assert_logged(scene, own_pid(), "a frame was not accepted");
	assert_others_go_on(scene);
}

/* Original clients expect an answer to these: it is the error, and the connection stays. */
static void a_second_client_on_a_session(void **state)
{
	struct scene *scene = *state;
	struct rig_end first;
	char token[45], body[128];

	rig_token(&scene->rig, token);
	first = rig_shim(&scene->rig, token, "");
	(void)snprintf(body, sizeof(body), "{\"token\":\"%s\"}", token);
	assert_non_null(strstr(rig_refused(&scene->rig, &scene->bad, CCPROXY_CONNECT_SHIM, body),
			       "token already claimed"));
	assert_logged(scene, own_pid(), "a token that another shim holds was refused");
	assert_others_go_on(scene);
	rig_end_close(&first);
}

static void a_token_used_twice(void **state)
{
	struct scene *scene = *state;
	struct rig_end shim;
	char token[45];

	rig_token(&scene->rig, token);
	shim = rig_shim(&scene->rig, token, "");
	rig_send_start(&scene->rig.runtime, "execcmd", token, false);
	(void)rig_call(&scene->rig);
	rig_answer(&scene->rig, CALL_ACK, "");
	assert_false(rig_receive(&scene->rig, &scene->rig.runtime).error);
	rig_send_start(&scene->rig.runtime, "execcmd", token, false);
	assert_non_null(strstr(rig_receive(&scene->rig, &scene->rig.runtime).payload,
			       "has its process already"));
	assert_others_go_on(scene);
	rig_end_close(&shim);
}

static void bodies_that_cannot_be_read(void **state)
{
	static const char *const bodies[] = { "",
					      "{",
					      "[]",
					      "null",
					      "{\"containerId\":7}",
					      "{\"numIOStreams\":-1}",
					      "{\"containerId\":\"pod1\",\"numIOStreams\":5000}" };
	struct scene *scene = *state;

	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++)
		(void)rig_refused(&scene->rig, &scene->bad, CCPROXY_ATTACH_VM, bodies[i]);
	assert_others_go_on(scene);
}

static void assert_guest_is_lost(struct scene *scene, const char *channel)
{
	rig_assert_exit(&scene->rig, &scene->shim, 255);
	assert_logged(scene, "the guest: malformed frame", channel);
	assert_non_null(strstr(rig_refused(&scene->rig, &scene->rig.runtime, CCPROXY_HYPER,
					   "{\"hyperName\":\"ping\"}"),
			       "the VM is gone: its agent broke the protocol"));
}

static void a_guest_with_garbage_on_control(void **state)
{
	struct scene *scene = *state;

	assert_int_equal(send(scene->rig.ctl.fd, "\0\0\0\x09\0\0\0\7garbage", 15, 0), 15);
	assert_guest_is_lost(scene, "on its control channel");
}

static void a_guest_with_an_endless_frame(void **state)
{
	struct scene *scene = *state;

	assert_int_equal(send(scene->rig.ctl.fd, "\0\0\0\x09\xff\xff\xff\xff", 8, 0), 8);
	assert_guest_is_lost(scene, "on its control channel");
}

static void a_guest_with_garbage_on_io(void **state)
{
	struct scene *scene = *state;

	assert_int_equal(send(scene->rig.tty.fd, "\0\0\0\0\0\0\0\3\0\0\0\4", 12, 0), 12);
	assert_guest_is_lost(scene, "on its I/O channel");
}

#define IN_SCENE(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_SCENE(a_wrong_version),
		IN_SCENE(a_short_header),
		IN_SCENE(an_unknown_type),
		IN_SCENE(an_unknown_opcode),
		IN_SCENE(what_only_the_proxy_sends),
		IN_SCENE(stdin_of_nobody),
		IN_SCENE(an_oversized_stream_frame),
		IN_SCENE(a_log_entry_that_cannot_be_read),
		IN_SCENE(a_second_client_on_a_session),
		IN_SCENE(a_token_used_twice),
		IN_SCENE(bodies_that_cannot_be_read),
		IN_SCENE(a_guest_with_garbage_on_control),
		IN_SCENE(a_guest_with_an_endless_frame),
		IN_SCENE(a_guest_with_garbage_on_io),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
