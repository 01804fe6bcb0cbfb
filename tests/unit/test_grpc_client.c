#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/clock.h"
#include "runtime/factory/grpc_client.h"
#include "runtime/factory/grpc_server.h"
#include "tests/unit/grpc_rig.h"

/* The client has the rig's own end of the socket pair. */
struct scene {
	struct rig rig;
	struct grpc_client *client;
	struct strbuf reply;
	struct error err;
};

static int setup(void **state)
{
	static struct scene scene;

	scene = (struct scene){ 0 };
	rig_open(&scene.rig, NULL);
	scene.client = grpc_client_new(scene.rig.fd, &scene.err);
	scene.rig.fd = -1;
	assert_non_null(scene.client);
	*state = &scene;
	return 0;
}

static int teardown(void **state)
{
	struct scene *scene = *state;

	grpc_client_free(scene->client);
	rig_close(&scene->rig);
	strbuf_done(&scene->reply);
	return 0;
}

static int finish(struct scene *scene)
{
	int64_t end_ms = clock_now_ms() + 20000;
	int ret;

	while ((ret = grpc_client_advance(scene->client)) == 0) {
		assert_true(clock_now_ms() < end_ms);
		rig_run(&scene->rig);
	}
	strbuf_clear(&scene->reply);
	return grpc_client_finish(scene->client, ret, &scene->reply, &scene->err);
}

static int call(struct scene *scene, const char *method, const void *request, size_t len)
{
	int ret = grpc_client_start(scene->client, method, request, len, 10000, &scene->err);

	return ret < 0 ? ret : finish(scene);
}

static void many_calls_one_after_the_other(void **state)
{
	struct scene *scene = *state;

	for (int i = 0; i < 150; i++) {
		assert_int_equal(call(scene, "/t/Echo", "hello", 5), 0);
		assert_string_equal(strbuf_str(&scene->reply), "hello");
	}
	assert_int_equal(call(scene, "/t/Echo", NULL, 0), 0);
	assert_int_equal(scene->reply.len, 0);
	assert_int_equal(grpc_client_status(scene->client), GRPC_OK);
}

static void a_status_and_its_text(void **state)
{
	struct scene *scene = *state;

	assert_int_equal(call(scene, "/t/Fail", "100% \xc3\xbc\n", 8), -ENOENT);
	assert_string_equal(scene->err.text, "100% \xc3\xbc  (NOT_FOUND)");
	assert_int_equal(grpc_client_status(scene->client), GRPC_NOT_FOUND);
	assert_int_equal(call(scene, "/t/Unknown", "", 0), -EOPNOTSUPP);
	assert_non_null(strstr(scene->err.text, "/t/Unknown"));
	assert_int_equal(call(scene, "/t/Echo", "x", 1), 0);
}

static void long_messages(void **state)
{
	struct scene *scene = *state;
	size_t len = 1 << 20;
	char *big = malloc(len);

	assert_non_null(big);
	memset(big, 'b', len);
	big[len - 1] = 'e';
	assert_int_equal(call(scene, "/t/Echo", big, len), 0);
	assert_int_equal(scene->reply.len, len);
	assert_memory_equal(scene->reply.data, big, len);
	free(big);
}

static void a_deadline(void **state)
{
	struct scene *scene = *state;

	assert_int_equal(grpc_client_start(scene->client, "/t/Hold", "", 0, 50, &scene->err), 0);
	assert_int_equal(finish(scene), -ETIMEDOUT);
	assert_int_equal(grpc_client_status(scene->client), GRPC_DEADLINE_EXCEEDED);
	rig_run_until(&scene->rig, &scene->rig.outcomes[GRPC_END_EXPIRED], 1);
}

static void a_client_closing_proves_delivery(void **state)
{
	struct scene *scene = *state;

	assert_int_equal(call(scene, "/t/Echo", "x", 1), 0);
	grpc_client_free(scene->client);
	scene->client = NULL;
	rig_run_until(&scene->rig, &scene->rig.outcomes[GRPC_END_DELIVERED], 1);
}

static void a_server_that_goes_away(void **state)
{
	struct scene *scene = *state;

	assert_int_equal(grpc_client_start(scene->client, "/t/Hold", "", 0, -1, &scene->err), 0);
	assert_int_equal(grpc_client_advance(scene->client), 0);
	rig_run_until(&scene->rig, &scene->rig.n_held, 1);
	grpc_server_free(scene->rig.server);
	scene->rig.server = NULL;
	assert_int_equal(finish(scene), -ECONNRESET);
	assert_int_equal(grpc_client_status(scene->client), GRPC_UNAVAILABLE);
	assert_int_equal(call(scene, "/t/Echo", "", 0), -ENOTCONN);
}

/* A server that has written its answer before it is asked, and whose end then closes. */
static int call_scripted(struct scene *scene, const struct strbuf *script, struct strbuf *reply)
{
	struct grpc_client *client;
	int fds[2];
	int ret;

	err_clear(&scene->err);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	assert_int_equal(send(fds[1], script->data, script->len, 0), script->len);
	assert_int_equal(shutdown(fds[1], SHUT_WR), 0);
	client = grpc_client_new(fds[0], &scene->err);
	assert_non_null(client);
	ret = grpc_client_call(client, "/t/X", "", 0, 5000, reply, &scene->err);
	grpc_client_free(client);
	(void)close(fds[1]);
	return ret;
}

static void put_headers(struct strbuf *out, uint8_t flags, const char *const *fields)
{
	auto_strbuf struct strbuf headers = { 0 };

	for (; *fields; fields += 2)
		rig_put_header(&headers, fields[0], fields[1]);
	rig_put_frame(out, FRAME_HEADERS, flags | FLAG_END_HEADERS, 1, headers.data, headers.len);
}

static const char *const good[] = { ":status", "200", "content-type", "application/grpc", NULL };
static const char *const status_ok[] = { "grpc-status", "0", NULL };

static void a_scripted_answer(void **state)
{
	struct scene *scene = *state;
	auto_strbuf struct strbuf script = { 0 };
	auto_strbuf struct strbuf reply = { .max = 8 };

	assert_int_equal(strbuf_adds(&reply, "old"), 0);
	rig_put_frame(&script, FRAME_SETTINGS, 0, 0, "", 0);
	put_headers(&script, 0, good);
	rig_put_frame(&script, FRAME_DATA, 0, 1, "\0\0\0\0\5hello", 10);
	put_headers(&script, FLAG_END_STREAM, status_ok);
	assert_int_equal(call_scripted(scene, &script, &reply), 0);
	assert_string_equal(strbuf_str(&reply), "oldhello");
	assert_int_equal(call_scripted(scene, &script, &reply), -EMSGSIZE);
	assert_string_equal(strbuf_str(&reply), "oldhello");
}

static void bad_answer(struct scene *scene, const char *const *headers, const char *data,
		       size_t len, int result, const char *text)
{
	auto_strbuf struct strbuf script = { 0 };
	auto_strbuf struct strbuf reply = { 0 };

	rig_put_frame(&script, FRAME_SETTINGS, 0, 0, "", 0);
	put_headers(&script, 0, headers);
	rig_put_frame(&script, FRAME_DATA, 0, 1, data, len);
	put_headers(&script, FLAG_END_STREAM, status_ok);
	assert_int_equal(call_scripted(scene, &script, &reply), result);
	assert_non_null(strstr(scene->err.text, text));
	assert_int_equal(reply.len, 0);
}

static void bad_answers(void **state)
{
	struct scene *scene = *state;

	bad_answer(scene, good, "\1\0\0\0\1x", 6, -EOPNOTSUPP, "read the reply's message");
	bad_answer(scene, good, "\0\0\0\0\1xx", 7, -EBADMSG, "read the reply's message");
	bad_answer(scene, good, "\0\0\0\0\2x", 6, -EPROTO, "no whole message");
	bad_answer(scene, good, "\0\377\377\377\377x", 6, -EMSGSIZE, "4294967295 bytes");
}

static void no_grpc_at_all(void **state)
{
	static const char *const html[] = { ":status", "404", "content-type", "text/html", NULL };
	struct scene *scene = *state;
	auto_strbuf struct strbuf script = { 0 };
	auto_strbuf struct strbuf reply = { 0 };

	rig_put_frame(&script, FRAME_SETTINGS, 0, 0, "", 0);
	put_headers(&script, FLAG_END_STREAM, html);
	assert_int_equal(call_scripted(scene, &script, &reply), -EPROTO);
	assert_non_null(strstr(scene->err.text, "no gRPC (HTTP status 404)"));
	strbuf_clear(&script);
	assert_int_equal(strbuf_adds(&script, "HTTP/1.1 400 Bad Request\r\n\r\n"), 0);
	assert_true(call_scripted(scene, &script, &reply) < 0);
	assert_non_null(strstr(scene->err.text, "call '/t/X'"));
	strbuf_clear(&script);
	rig_put_frame(&script, FRAME_SETTINGS, 0, 0, "", 0);
	rig_put_frame(&script, FRAME_RST, 0, 1, "\0\0\0\7", 4);
	assert_int_equal(call_scripted(scene, &script, &reply), -ECONNRESET);
	assert_non_null(strstr(scene->err.text, "REFUSED_STREAM"));
}

static void nobody_listens(void **state)
{
	struct scene *scene = *state;
	auto_strbuf struct strbuf reply = { 0 };

	assert_int_equal(grpc_client_call_once("/nonexistent/s", "/t/X", "", 0, 100, &reply,
					       &scene->err),
			 -ENOENT);
	assert_non_null(strstr(scene->err.text, "connect to '/nonexistent/s'"));
}

#define test(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(many_calls_one_after_the_other),
		test(a_status_and_its_text),
		test(long_messages),
		test(a_deadline),
		test(a_client_closing_proves_delivery),
		test(a_server_that_goes_away),
		test(a_scripted_answer),
		test(bad_answers),
		test(no_grpc_at_all),
		test(nobody_listens),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
