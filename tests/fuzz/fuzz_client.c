/*
 * What the runtime makes of the answers that reach it: frames of the proxy, with the guest's words
 * in them. The first byte says which answer is waited for; the rest is what comes.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/proto/calls_control.h"
#include "agent/proto/calls_net.h"
#include "base/clock.h"
#include "runtime/agent_client/agent.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { INPUT_MAX = 60000, REPLY_MAX = 1 << 20, ARENA_MAX = 16 << 20, TIMEOUT_MS = 10000 };

static void check(bool good)
{
	if (!good)
		abort();
}

/* Calls whose answer says something. */
static const struct {
	enum call_code code;
	const struct json_type *type;
} asked[] = {
	{ CALL_CREATECONTAINER, &call_createcontainer_reply_type },
	{ CALL_STATSCONTAINER, &call_stats_type },
	{ CALL_WAITEVENTS, &call_waitevents_reply_type },
	{ CALL_WAITPROCESS, &call_waitprocess_reply_type },
	{ CALL_SETDNS, &call_set_dns_reply_type },
};
enum { N_ASKED = sizeof(asked) / sizeof(asked[0]), STRUCT_MAX = 4096 };

static int ask(struct client *client, const struct client_wait *wait, size_t which,
	       struct error *err)
{
	const struct call_container body = { .container = "c" };
	const struct agent_request request = { .code = asked[which].code,
					       .type = &call_container_type,
					       .body = &body };
	auto_strbuf struct strbuf reply = { .max = REPLY_MAX };
	auto_arena struct arena arena = { .max_bytes = ARENA_MAX };
	_Alignas(max_align_t) char answer[STRUCT_MAX];
	int ret = agent_ask(client, &request, wait, &reply, err);

	check(asked[which].type->size <= sizeof(answer));
	if (ret == 0)
		ret = json_decode(asked[which].type, strbuf_str(&reply), reply.len, NULL, &arena,
				  answer, err);
	return ret;
}

static int wait_for(struct client *client, unsigned which, struct error *err)
{
	const struct client_wait wait = { .deadline_ms = clock_now_ms() + TIMEOUT_MS,
					  .abort_fd = -1 };
	char token[CLIENT_TOKEN_MAX];
	int ret;

	switch (which) {
	case 0:
		return ask(client, &wait, 0, err);
	case 1:
		ret = agent_registered(client, &wait, token, err);
		break;
	case 2:
		ret = agent_attach(client, "s", &wait, token, err);
		break;
	case 3:
		return agent_give_identity(client, &wait, err);
	case 4:
		return agent_unregister(client, "s", &wait, err);
	default:
		return ask(client, &wait, which % N_ASKED, err);
	}
	check(ret < 0 || memchr(token, '\0', sizeof(token)));
	return ret;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct client client = { .interrupt_fd = -1, .in = { .max = CCPROXY_PAYLOAD_MAX + 65536 } };
	struct error err = { 0 };
	int fds[2];
	int ret;

	if (size == 0 || size > INPUT_MAX)
		return 0;
	check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
	client.fd = fds[0];
	check(send(fds[1], data + 1, size - 1, 0) == (ssize_t)(size - 1));
	check(shutdown(fds[1], SHUT_WR) == 0);
	ret = wait_for(&client, data[0], &err);
	check(ret == 0 || (ret == err.code && err.text[0] != '\0'));
	check(ret != -ETIMEDOUT);
	client_close(&client);
	(void)close(fds[1]);
	return 0;
}
