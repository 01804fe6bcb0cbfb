#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/sock.h"
#include "base/spawn.h"
#include "runtime/agent_client/agent.h"
#include "runtime/agent_client/client.h"

enum { LONG_MS = 20000 };

/* A client, and in our hand the proxy's end of its connection. */
struct pair {
	struct client client;
	int proxy;
	struct client_wait wait;
	struct error err;
};

static int setup(void **state)
{
	struct pair *pair = calloc(1, sizeof(*pair));
	int ends[2];

	assert_non_null(pair);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	pair->client = (struct client){ .fd = ends[0],
					.interrupt_fd = -1,
					.in = { .max = CCPROXY_PAYLOAD_MAX + 65536 } };
	pair->proxy = ends[1];
	pair->wait =
		(struct client_wait){ .deadline_ms = clock_now_ms() + LONG_MS, .abort_fd = -1 };
	*state = pair;
	return 0;
}

static int teardown(void **state)
{
	struct pair *pair = *state;

	client_close(&pair->client);
	client_close(&pair->client);
	assert_int_equal(pair->client.fd, -1);
	cleanup_close(&pair->proxy);
	free(pair);
	return 0;
}

static void add_frame(struct strbuf *buf, enum ccproxy_type type, unsigned opcode, bool error,
		      const char *payload)
{
	assert_int_equal(ccproxy_encode(buf, type, opcode, error, payload, strlen(payload)), 0);
}

/* Has the proxy say something ahead of the question. */
static void answer(struct pair *pair, enum ccproxy_type type, unsigned opcode, bool error,
		   const char *payload)
{
	auto_strbuf struct strbuf buf = { 0 };

	add_frame(&buf, type, opcode, error, payload);
	assert_int_equal(fs_write_all(pair->proxy, buf.data, buf.len), 0);
}

/* What the client has sent: one command frame with that payload. */
static void assert_asked(struct pair *pair, enum ccproxy_command command, const char *payload)
{
	char buf[4096];
	ssize_t n = recv(pair->proxy, buf, sizeof(buf), MSG_DONTWAIT);
	auto_strbuf struct strbuf text = { 0 };
	struct ccproxy_frame frame;

	assert_true(n > 0);
	assert_true(ccproxy_decode(buf, (size_t)n, &frame) == n);
	assert_int_equal(frame.type, CCPROXY_COMMAND);
	assert_int_equal(frame.opcode, command);
	(void)strbuf_add(&text, frame.payload, frame.len);
	assert_string_equal(strbuf_str(&text), payload);
}

static void a_response_is_handed_over(void **state)
{
	struct pair *pair = *state;
	auto_strbuf struct strbuf reply = { 0 };

	answer(pair, CCPROXY_RESPONSE, CCPROXY_HYPER, false, "{\"a\":1}");
	assert_int_equal(client_call(&pair->client, CCPROXY_HYPER, "{\"q\":2}", &pair->wait, &reply,
				     &pair->err),
			 0);
	assert_string_equal(strbuf_str(&reply), "{\"a\":1}");
	assert_asked(pair, CCPROXY_HYPER, "{\"q\":2}");
	/* a reply nobody wants, to a command without payload */
	answer(pair, CCPROXY_RESPONSE, CCPROXY_HYPER, false, "");
	assert_int_equal(
		client_call(&pair->client, CCPROXY_HYPER, NULL, &pair->wait, NULL, &pair->err), 0);
	assert_asked(pair, CCPROXY_HYPER, "");
}

static void a_response_may_come_byte_by_byte(void **state)
{
	struct pair *pair = *state;
	auto_strbuf struct strbuf reply = { 0 };
	auto_strbuf struct strbuf bytes = { 0 };
	const char *const argv[] = { "dd", "bs=1", "status=none", NULL };
	struct spawn sp = { .path = "/bin/dd", .argv = argv };
	auto_close int file = memfd_create("bytes", MFD_CLOEXEC);
	int status = -1;
	pid_t pid;

	add_frame(&bytes, CCPROXY_NOTIFICATION, CCPROXY_PROCESS_EXITED, false, "x");
	add_frame(&bytes, CCPROXY_RESPONSE, CCPROXY_HYPER, false, "{\"piece\":\"wise\"}");
	assert_int_equal(fs_write_all(file, bytes.data, bytes.len), 0);
	assert_int_equal(lseek(file, 0, SEEK_SET), 0);
	sp.fds[sp.n_fds++] = (struct spawn_fd){ file, 0 };
	sp.fds[sp.n_fds++] = (struct spawn_fd){ pair->proxy, 1 };
	assert_int_equal(spawn_start(&sp, &pid, &pair->err), 0);
	if (client_receive(&pair->client, CCPROXY_HYPER, &pair->wait, &reply, &pair->err) < 0)
		fail_msg("%s", pair->err.text);
	assert_string_equal(strbuf_str(&reply), "{\"piece\":\"wise\"}");
	assert_int_equal(spawn_wait(pid, 20000, &status), 0);
	assert_int_equal(status, 0);
}

static void frames_for_others_are_skipped(void **state)
{
	struct pair *pair = *state;
	auto_strbuf struct strbuf reply = { 0 };

	answer(pair, CCPROXY_NOTIFICATION, CCPROXY_PROCESS_EXITED, false, "\1");
	answer(pair, CCPROXY_STREAM, CCPROXY_STDOUT, false, "noise");
	answer(pair, CCPROXY_RESPONSE, CCPROXY_ATTACH_VM, false, "{\"other\":1}");
	answer(pair, CCPROXY_RESPONSE, CCPROXY_ATTACH_VM, true, "{\"msg\":\"other\"}");
	answer(pair, CCPROXY_RESPONSE, CCPROXY_HYPER, false, "first");
	answer(pair, CCPROXY_RESPONSE, CCPROXY_HYPER, false, "second");
	assert_int_equal(
		client_receive(&pair->client, CCPROXY_HYPER, &pair->wait, &reply, &pair->err), 0);
	assert_string_equal(strbuf_str(&reply), "first");
	assert_int_equal(
		client_receive(&pair->client, CCPROXY_HYPER, &pair->wait, &reply, &pair->err), 0);
	assert_string_equal(strbuf_str(&reply), "firstsecond");
}

static void an_error_response_becomes_the_error(void **state)
{
	static const struct {
		const char *payload, *text;
	} rows[] = {
		{ "{\"msg\":\"100% wrong: %s\"}", "100% wrong: %s" },
		{ "{}", "the sandbox's proxy reported an error without text" },
		{ "", "the sandbox's proxy reported an error without text" },
		{ "not json", "the sandbox's proxy reported an error without text" },
		{ "{\"msg\":7}", "the sandbox's proxy reported an error without text" },
	};
	struct pair *pair = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		answer(pair, CCPROXY_RESPONSE, CCPROXY_SIGNAL, true, rows[i].payload);
		assert_int_equal(client_receive(&pair->client, CCPROXY_SIGNAL, &pair->wait, NULL,
						&pair->err),
				 -EREMOTEIO);
		assert_string_equal(pair->err.text, rows[i].text);
	}
	assert_int_equal(pair->client.in.len, 0);
}

static void silence_ends_at_the_deadline(void **state)
{
	struct pair *pair = *state;
	int64_t begun = clock_now_ms();

	pair->wait.deadline_ms = begun + 50;
	answer(pair, CCPROXY_NOTIFICATION, CCPROXY_PROCESS_EXITED, false, "x");
	assert_int_equal(client_receive(&pair->client, CCPROXY_HYPER, &pair->wait, NULL,
					&pair->err),
			 -ETIMEDOUT);
	assert_true(clock_now_ms() - begun >= 50);
	assert_true(clock_now_ms() - begun < LONG_MS);
	assert_non_null(strstr(pair->err.text, "in time"));
	/* a deadline in the past does not hide what is there */
	answer(pair, CCPROXY_RESPONSE, CCPROXY_HYPER, false, "");
	assert_int_equal(
		client_receive(&pair->client, CCPROXY_HYPER, &pair->wait, NULL, &pair->err), 0);
}

static void a_dead_machine_ends_the_wait(void **state)
{
	struct pair *pair = *state;
	int ends[2];

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	(void)close(ends[1]);
	pair->wait.abort_fd = ends[0];
	assert_int_equal(client_receive(&pair->client, CCPROXY_HYPER, &pair->wait, NULL,
					&pair->err),
			 -ECONNABORTED);
	assert_string_equal(pair->err.text, "the virtual machine ended");
	/* its last words count */
	answer(pair, CCPROXY_RESPONSE, CCPROXY_HYPER, true, "{\"msg\":\"last\"}");
	assert_int_equal(client_receive(&pair->client, CCPROXY_HYPER, &pair->wait, NULL,
					&pair->err),
			 -EREMOTEIO);
	(void)close(ends[0]);
}

static void a_proxy_that_leaves_is_told(void **state)
{
	struct pair *pair = *state;
	auto_strbuf struct strbuf bytes = { 0 };

	add_frame(&bytes, CCPROXY_RESPONSE, CCPROXY_HYPER, false, "{\"cut\":true}");
	assert_int_equal(fs_write_all(pair->proxy, bytes.data, bytes.len - 1), 0);
	cleanup_close(&pair->proxy);
	assert_int_equal(client_receive(&pair->client, CCPROXY_HYPER, &pair->wait, NULL,
					&pair->err),
			 -ECONNRESET);
	assert_non_null(strstr(pair->err.text, "closed the connection"));
	/* no signal, an error */
	assert_int_equal(client_send(&pair->client, CCPROXY_HYPER, "{}", &pair->err), -EPIPE);
}

static void impossible_frames_are_refused(void **state)
{
	static const struct {
		unsigned char header[CCPROXY_HEADER_LEN];
		int code;
	} rows[] = {
		{ { 0, 2, 3, 0, 0, 0, 1, 3, 1, 0, 0, 1 }, -EMSGSIZE }, /* 16 MiB and one byte */
		{ { 0, 2, 3, 0, 0, 0, 1, 3, 255, 255, 255, 255 }, -EMSGSIZE },
		{ { 0, 9, 3, 0, 0, 0, 1, 3 }, -EBADMSG },
		{ { 0, 2, 2, 0, 0, 0, 1, 3 }, -EBADMSG },
		{ { 0, 2, 3, 0, 0, 0, 9, 3 }, -EBADMSG },
		{ { 0, 2, 3, 0, 0, 0, 1, 99 }, -EBADMSG },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		void *one = NULL;
		struct pair *pair;

		assert_int_equal(setup(&one), 0);
		pair = one;
		assert_int_equal(fs_write_all(pair->proxy, rows[i].header, CCPROXY_HEADER_LEN), 0);
		assert_int_equal(client_receive(&pair->client, CCPROXY_HYPER, &pair->wait, NULL,
						&pair->err),
				 rows[i].code);
		assert_non_null(strstr(pair->err.text, "frame from the sandbox's proxy"));
		assert_int_equal(teardown(&one), 0);
	}
}

static void too_large_a_command_is_refused(void **state)
{
	struct pair *pair = *state;
	char *text = malloc(CCPROXY_PAYLOAD_MAX + 2);
	char byte;

	assert_non_null(text);
	memset(text, 'x', CCPROXY_PAYLOAD_MAX + 1);
	text[CCPROXY_PAYLOAD_MAX + 1] = '\0';
	assert_int_equal(client_send(&pair->client, CCPROXY_HYPER, text, &pair->err), -E2BIG);
	free(text);
	assert_int_equal(recv(pair->proxy, &byte, 1, MSG_DONTWAIT), -1);
	assert_int_equal(errno, EAGAIN);
}

static void open_connects_by_name(void **state)
{
	char path[] = "/tmp/test-client-XXXXXX";
	auto_close int dir = -1;
	auto_close int listener = -1;
	auto_client struct client client = { .fd = -1 };
	struct timeval timeout = { 0 };
	socklen_t len = sizeof(timeout);
	struct error err = { 0 };

	(void)state;
	assert_non_null(mkdtemp(path));
	dir = fs_open_dir_at(AT_FDCWD, path);
	assert_int_equal(client_open(&client, dir, "proxy.sock", &err), -ENOENT);
	assert_int_equal(client.fd, -1);
	assert_non_null(strstr(err.text, "connect to the sandbox's proxy"));
	listener = sock_listen_at(dir, "proxy.sock", 0600, 4);
	assert_true(listener >= 0);
	assert_int_equal(client_open(&client, dir, "proxy.sock", &err), 0);
	assert_int_equal(fcntl(client.fd, F_GETFD), FD_CLOEXEC);
	/* a proxy that hangs must not hold us for ever */
	assert_int_equal(getsockopt(client.fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, &len), 0);
	assert_true(timeout.tv_sec > 0 && timeout.tv_sec <= 60);
	client_close(&client);
	cleanup_close(&listener);
	assert_int_equal(client_open(&client, dir, "proxy.sock", &err), -ECONNREFUSED);
	assert_int_equal(fs_remove_tree_at(AT_FDCWD, path), 0);
}

static void agent_calls_are_wrapped(void **state)
{
	const struct call_container body = { .container = "b\"x" };
	struct pair *pair = *state;

	answer(pair, CCPROXY_RESPONSE, CCPROXY_HYPER, false, "");
	assert_int_equal(agent_call(&pair->client, CALL_STARTCONTAINER, NULL, &call_container_type,
				    &body, &pair->wait, &pair->err),
			 0);
	assert_asked(pair, CCPROXY_HYPER,
		     "{\"hyperName\":\"startcontainer\",\"tokens\":null,"
		     "\"data\":{\"container\":\"b\\\"x\"}}");
	answer(pair, CCPROXY_RESPONSE, CCPROXY_HYPER, false, "");
	assert_int_equal(agent_call(&pair->client, CALL_DESTROYPOD, "to\"ken", NULL, NULL,
				    &pair->wait, &pair->err),
			 0);
	assert_asked(pair, CCPROXY_HYPER,
		     "{\"hyperName\":\"destroypod\",\"tokens\":[\"to\\\"ken\"]}");
}

static void errors_of_the_agent_lose_their_prefix(void **state)
{
#define PREFIX "ERROR received from VM agent, control msg received : "
	static const struct {
		const char *payload, *text;
	} rows[] = {
		{ "{\"msg\":\"" PREFIX "exec: \\\"x\\\": not found\"}", "exec: \"x\": not found" },
		{ "{\"msg\":\"" PREFIX "\"}", "" },
		{ "{\"msg\":\"plain\"}", "plain" },
		{ "{\"msg\":\"so: " PREFIX "x\"}", "so: " PREFIX "x" },
	};
	struct pair *pair = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		answer(pair, CCPROXY_RESPONSE, CCPROXY_HYPER, true, rows[i].payload);
		assert_int_equal(agent_call(&pair->client, CALL_PING, NULL, NULL, NULL, &pair->wait,
					    &pair->err),
				 -EREMOTEIO);
		assert_string_equal(pair->err.text, rows[i].text);
	}
	answer(pair, CCPROXY_RESPONSE, CCPROXY_HYPER, true, rows[0].payload);
	assert_int_equal(agent_call(&pair->client, CALL_PING, NULL, NULL, NULL, &pair->wait, NULL),
			 -EREMOTEIO);
}

static void registering_yields_the_token(void **state)
{
	const struct agent_vm vm = { "pod", "/c", "/t", "/l" };
	struct pair *pair = *state;
	char token[CLIENT_TOKEN_MAX] = "";

	answer(pair, CCPROXY_RESPONSE, CCPROXY_REGISTER_VM, false,
	       "{\"io\":{\"URL\":\"u\",\"tokens\":[\"tok\"]}}");
	assert_int_equal(agent_register(&pair->client, &vm, &pair->err), 0);
	assert_asked(pair, CCPROXY_REGISTER_VM,
		     "{\"containerId\":\"pod\",\"ctlSerial\":\"/c\",\"ioSerial\":\"/t\","
		     "\"console\":\"/l\",\"numIOStreams\":1,\"dialect\":true}");
	assert_int_equal(agent_registered(&pair->client, &pair->wait, token, &pair->err), 0);
	assert_string_equal(token, "tok");
	assert_int_equal(pair->client.dialect, AGENT_UNTOLD);
}

static void attaching_with_and_without_a_token(void **state)
{
	struct pair *pair = *state;
	char token[CLIENT_TOKEN_MAX] = "";

	answer(pair, CCPROXY_RESPONSE, CCPROXY_ATTACH_VM, false, "");
	assert_int_equal(agent_attach(&pair->client, "pod", &pair->wait, NULL, &pair->err), 0);
	assert_asked(pair, CCPROXY_ATTACH_VM, "{\"containerId\":\"pod\"}");
	answer(pair, CCPROXY_RESPONSE, CCPROXY_ATTACH_VM, false,
	       "{\"io\":{\"tokens\":[\"second\"]}}");
	assert_int_equal(agent_attach(&pair->client, "pod", &pair->wait, token, &pair->err), 0);
	assert_asked(pair, CCPROXY_ATTACH_VM,
		     "{\"containerId\":\"pod\",\"numIOStreams\":1,\"transient\":true}");
	assert_string_equal(token, "second");
	answer(pair, CCPROXY_RESPONSE, CCPROXY_UNREGISTER_VM, false, "");
	assert_int_equal(agent_unregister(&pair->client, "pod", &pair->wait, &pair->err), 0);
	assert_asked(pair, CCPROXY_UNREGISTER_VM, "{\"containerId\":\"pod\"}");
}

static void tokens_that_are_none_are_refused(void **state)
{
	static const struct {
		const char *payload;
		int code;
		const char *says;
	} rows[] = {
		{ "{\"io\":{\"tokens\":[]}}", -EPROTO, "0 tokens instead of one" },
		{ "{\"io\":{\"tokens\":[\"a\",\"b\"]}}", -EPROTO, "2 tokens instead of one" },
		{ "{\"io\":{\"tokens\":[null]}}", -EINVAL, "answer of the sandbox's proxy" },
		{ "{\"io\":{\"tokens\":[7]}}", -EINVAL, "answer of the sandbox's proxy" },
		{ "{}", -EINVAL, "answer of the sandbox's proxy" },
		{ "", -EINVAL, "answer of the sandbox's proxy" },
	};
	struct pair *pair = *state;
	char token[CLIENT_TOKEN_MAX];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		answer(pair, CCPROXY_RESPONSE, CCPROXY_REGISTER_VM, false, rows[i].payload);
		assert_int_equal(agent_registered(&pair->client, &pair->wait, token, &pair->err),
				 rows[i].code);
		if (!strstr(pair->err.text, rows[i].says))
			fail_msg("'%s' lacks '%s'", pair->err.text, rows[i].says);
	}
}

static void the_longest_token_fits_and_no_longer_one(void **state)
{
	struct pair *pair = *state;
	char token[CLIENT_TOKEN_MAX];

	for (int len = CLIENT_TOKEN_MAX - 1; len <= CLIENT_TOKEN_MAX; len++) {
		auto_strbuf struct strbuf reply = { 0 };

		(void)strbuf_addf(&reply, "{\"io\":{\"tokens\":[\"%0*d\"]}}", len, 7);
		answer(pair, CCPROXY_RESPONSE, CCPROXY_REGISTER_VM, false, strbuf_str(&reply));
		assert_int_equal(agent_registered(&pair->client, &pair->wait, token, &pair->err),
				 len < CLIENT_TOKEN_MAX ? 0 : -EPROTO);
		if (len < CLIENT_TOKEN_MAX)
			assert_int_equal(strlen(token), len);
	}
}

#define IN_PAIR(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_PAIR(a_response_is_handed_over),
		IN_PAIR(a_response_may_come_byte_by_byte),
		IN_PAIR(frames_for_others_are_skipped),
		IN_PAIR(an_error_response_becomes_the_error),
		IN_PAIR(silence_ends_at_the_deadline),
		IN_PAIR(a_dead_machine_ends_the_wait),
		IN_PAIR(a_proxy_that_leaves_is_told),
		cmocka_unit_test(impossible_frames_are_refused),
		IN_PAIR(too_large_a_command_is_refused),
		cmocka_unit_test(open_connects_by_name),
		IN_PAIR(agent_calls_are_wrapped),
		IN_PAIR(errors_of_the_agent_lose_their_prefix),
		IN_PAIR(registering_yields_the_token),
		IN_PAIR(attaching_with_and_without_a_token),
		IN_PAIR(tokens_that_are_none_are_refused),
		IN_PAIR(the_longest_token_fits_and_no_longer_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
