/* The QMP client against a peer at the other end of a socket pair, whose words are there before
 * they are read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fs.h"
#include "hypervisor/qemu/qmp.h"

#define GREETING "{\"QMP\": {\"version\": {\"qemu\": {\"major\": 7}}, \"capabilities\": []}}\r\n"
#define HELLO	 GREETING "{\"return\": {}, \"id\": 1}\r\n"

enum { SHORT_MS = 30, LONG_MS = 5000 };

struct fixture {
	struct qmp qmp;
	int peer;
	int ours; /* not yet given to qmp_open() */
	char seen[256];
	struct error err;
};

static void collect(void *arg, const char *event, const char *data)
{
	struct fixture *f = arg;
	size_t len = strlen(f->seen);

	(void)snprintf(f->seen + len, sizeof(f->seen) - len, "%s%s;", event, data);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	int pair[2];
	int room = 4 << 20;

	if (!f || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return -1;
	if (setsockopt(pair[1], SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room)) < 0 &&
	    setsockopt(pair[1], SOL_SOCKET, SO_SNDBUF, &room, sizeof(room)) < 0)
		return -1;
	f->ours = pair[0];
	f->peer = pair[1];
	f->qmp.on_event = collect;
	f->qmp.event_arg = f;
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	qmp_close(&f->qmp);
	if (f->peer >= 0)
		(void)close(f->peer);
	free(f);
	return 0;
}

static void say(const struct fixture *f, const char *text)
{
	assert_int_equal(fs_write_all(f->peer, text, strlen(text)), 0);
}

static int open_with(struct fixture *f, const char *words)
{
	say(f, words);
	return qmp_open(&f->qmp, f->ours, SHORT_MS, &f->err);
}

/* What the client has sent so far. */
static void heard(const struct fixture *f, const char *want)
{
	char got[512];
	ssize_t n = recv(f->peer, got, sizeof(got) - 1, MSG_DONTWAIT);

	assert_true(n >= 0);
	got[n] = '\0';
	assert_string_equal(got, want);
}

static void test_open_and_execute(void **state)
{
	struct fixture *f = *state;
	auto_strbuf struct strbuf result = { 0 };

	assert_int_equal(open_with(f, HELLO), 0);
	heard(f, "{\"execute\":\"qmp_capabilities\",\"id\":1}\n");
	say(f, "{\"return\": {\"status\": \"running\"}, \"id\": 2}\r\n");
	assert_int_equal(qmp_execute(&f->qmp, "query-status", NULL, SHORT_MS, &result, &f->err), 0);
	assert_string_equal(strbuf_str(&result), "{\"status\":\"running\"}");
	heard(f, "{\"execute\":\"query-status\",\"id\":2}\n");
	say(f, "{\"return\": {}, \"id\": 3}\r\n");
	assert_int_equal(qmp_execute(&f->qmp, "stop", "{\"a\":1}", SHORT_MS, &result, &f->err), 0);
	assert_string_equal(strbuf_str(&result), "{}");
	heard(f, "{\"execute\":\"stop\",\"arguments\":{\"a\":1},\"id\":3}\n");
}

static void test_refusals(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(open_with(f, HELLO), 0);
	say(f, "{\"id\": 2, \"error\": {\"class\": \"DeviceNotFound\", \"desc\": \"Device 'x' not "
	       "found\"}}\r\n");
	assert_int_equal(qmp_execute(&f->qmp, "device_del", NULL, SHORT_MS, NULL, &f->err),
			 -ENODEV);
	assert_string_equal(f->err.text, "QEMU refuses device_del: Device 'x' not found");
	say(f, "{\"id\": 3, \"error\": {\"class\": \"CommandNotFound\", \"desc\": \"no\"}}\r\n");
	assert_int_equal(qmp_execute(&f->qmp, "x", NULL, SHORT_MS, NULL, &f->err), -ENOSYS);
	/* A refusal breaks nothing, and arguments that are no JSON are not sent. */
	heard(f, "{\"execute\":\"qmp_capabilities\",\"id\":1}\n"
		 "{\"execute\":\"device_del\",\"id\":2}\n{\"execute\":\"x\",\"id\":3}\n");
	assert_int_equal(qmp_execute(&f->qmp, "x", "}{", SHORT_MS, NULL, &f->err), -EINVAL);
	assert_string_equal(f->err.text, "the arguments of x for QEMU are no JSON");
	say(f, "{\"return\": {}, \"id\": 5}\r\n");
	assert_int_equal(qmp_execute(&f->qmp, "y", NULL, SHORT_MS, NULL, &f->err), 0);
	heard(f, "{\"execute\":\"y\",\"id\":5}\n");
	/* An error about nothing in particular does break it. */
	say(f, "{\"error\": {\"class\": \"GenericError\", \"desc\": \"JSON parse error\"}}\r\n");
	assert_int_equal(qmp_execute(&f->qmp, "x", NULL, SHORT_MS, NULL, &f->err), -EREMOTEIO);
	assert_string_equal(f->err.text, "QEMU refuses x: JSON parse error");
	assert_int_equal(qmp_execute(&f->qmp, "x", NULL, SHORT_MS, NULL, &f->err), -ENOTCONN);
}

static void test_events(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(open_with(f, HELLO), 0);
	say(f, "{\"timestamp\": {\"seconds\": 1}, \"event\": \"STOP\"}\r\n"
	       "{\"event\": \"DEVICE_DELETED\", \"data\": {\"device\": \"d0\"}}\r\n"
	       "{\"return\": {}, \"id\": 2}\r\n{\"event\": \"RESUME\"}\r\n");
	assert_int_equal(qmp_execute(&f->qmp, "stop", NULL, SHORT_MS, NULL, &f->err), 0);
	assert_string_equal(f->seen, "STOP{};DEVICE_DELETED{\"device\":\"d0\"};");
	assert_int_equal(qmp_poll_events(&f->qmp, &f->err), 0);
	assert_string_equal(f->seen, "STOP{};DEVICE_DELETED{\"device\":\"d0\"};RESUME{};");
	assert_int_equal(qmp_poll_events(&f->qmp, &f->err), 0);
}

/* A message that comes in two parts, with a timeout in between: the late reply is not taken for the
 * next one's. */
static void test_split_and_late(void **state)
{
	struct fixture *f = *state;
	auto_strbuf struct strbuf result = { 0 };

	assert_int_equal(open_with(f, HELLO), 0);
	say(f, "{\"return\": {\"from\": \"fir");
	assert_int_equal(qmp_execute(&f->qmp, "first", NULL, SHORT_MS, &result, &f->err),
			 -ETIMEDOUT);
	assert_string_equal(f->err.text, "QEMU did not answer first in time: Connection timed out");
	say(f, "st\"}, \"id\": 2}\r\n{\"return\": {\"from\": \"second\"}, \"id\": 3}\r\n");
	assert_int_equal(qmp_execute(&f->qmp, "second", NULL, SHORT_MS, &result, &f->err), 0);
	assert_string_equal(strbuf_str(&result), "{\"from\":\"second\"}");
}

/* Larger than what one read takes. */
static void test_long_message(void **state)
{
	struct fixture *f = *state;
	auto_strbuf struct strbuf result = { 0 };
	auto_strbuf struct strbuf words = { 0 };

	assert_int_equal(open_with(f, HELLO), 0);
	assert_int_equal(strbuf_adds(&words, "{\"return\": \""), 0);
	for (int i = 0; i < 20000; i++)
		assert_int_equal(strbuf_addc(&words, 'x'), 0);
	assert_int_equal(strbuf_adds(&words, "\", \"id\": 2}\r\n"), 0);
	say(f, strbuf_str(&words));
	assert_int_equal(qmp_execute(&f->qmp, "big", NULL, LONG_MS, &result, &f->err), 0);
	assert_int_equal(result.len, 20002);
}

static void test_oversize(void **state)
{
	struct fixture *f = *state;
	auto_strbuf struct strbuf words = { 0 };

	assert_int_equal(open_with(f, HELLO), 0);
	assert_non_null(strbuf_reserve(&words, QMP_MESSAGE_MAX + 8192));
	memset(words.data, ' ', QMP_MESSAGE_MAX + 8192);
	strbuf_grown(&words, QMP_MESSAGE_MAX + 8192);
	say(f, strbuf_str(&words));
	assert_int_equal(qmp_execute(&f->qmp, "huge", NULL, LONG_MS, NULL, &f->err), -EMSGSIZE);
	assert_int_equal(qmp_execute(&f->qmp, "next", NULL, LONG_MS, NULL, &f->err), -ENOTCONN);
}

static void test_garbage(void **state)
{
	static const char *const words[] = {
		"no json\r\n",
		"{\"return\": {}, \"id\": \"2\"}\r\n",
		"{\"return\": {}\r\n",
		"[]\r\n",
		"\r\n",
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		void *other = NULL;
		struct fixture *g;

		assert_int_equal(setup(&other), 0);
		g = other;
		assert_int_equal(open_with(g, HELLO), 0);
		say(g, words[i]);
		assert_int_equal(qmp_execute(&g->qmp, "x", NULL, SHORT_MS, NULL, &g->err),
				 -EBADMSG);
		assert_int_equal(qmp_execute(&g->qmp, "x", NULL, SHORT_MS, NULL, &g->err),
				 -ENOTCONN);
		assert_int_equal(teardown(&other), 0);
	}
	assert_int_equal(open_with(f, "{\"return\": {}, \"id\": 1}\r\n"), -EBADMSG);
	assert_string_equal(f->err.text,
			    "QEMU answers the greeting with something that is no message");
}

static void test_silence(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(open_with(f, ""), -ETIMEDOUT);
	assert_string_equal(f->err.text,
			    "QEMU did not answer the greeting in time: Connection timed out");
}

static void test_hang_up(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(open_with(f, HELLO), 0);
	(void)close(f->peer);
	f->peer = -1;
	assert_int_equal(qmp_execute(&f->qmp, "quit", NULL, LONG_MS, NULL, &f->err), -ECONNRESET);
}

/* Events without end must not outlast the deadline. */
static void test_event_flood(void **state)
{
	struct fixture *f = *state;

	f->qmp.on_event = NULL;
	assert_int_equal(open_with(f, HELLO), 0);
	for (int i = 0; i < 1000; i++)
		say(f, "{\"event\": \"RTC_CHANGE\"}\r\n");
	assert_int_equal(qmp_execute(&f->qmp, "x", NULL, SHORT_MS, NULL, &f->err), -ETIMEDOUT);
}

static void test_give_fd(void **state)
{
	struct fixture *f = *state;
	char text[128];
	char control[CMSG_SPACE(sizeof(int))];
	struct iovec iov = { .iov_base = text, .iov_len = sizeof(text) - 1 };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control,
			      .msg_controllen = sizeof(control) };
	int fd;
	ssize_t n;

	assert_int_equal(open_with(f, HELLO), 0);
	heard(f, "{\"execute\":\"qmp_capabilities\",\"id\":1}\n");
	say(f, "{\"return\": {}, \"id\": 2}\r\n");
	assert_int_equal(qmp_give_fd(&f->qmp, STDERR_FILENO, "state\"0", SHORT_MS, &f->err), 0);
	n = recvmsg(f->peer, &msg, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	assert_true(n > 0);
	text[n] = '\0';
	assert_string_equal(
		text,
		"{\"execute\":\"getfd\",\"arguments\":{\"fdname\":\"state\\\"0\"},\"id\":2}\n");
	assert_non_null(CMSG_FIRSTHDR(&msg));
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(fd));
	(void)close(fd);
}

#define QMP_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		QMP_TEST(test_open_and_execute), QMP_TEST(test_refusals),
		QMP_TEST(test_events),		 QMP_TEST(test_split_and_late),
		QMP_TEST(test_long_message),	 QMP_TEST(test_oversize),
		QMP_TEST(test_garbage),		 QMP_TEST(test_silence),
		QMP_TEST(test_hang_up),		 QMP_TEST(test_event_flood),
		QMP_TEST(test_give_fd),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
