#include "runtime/agent_client/agent.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

enum { REPEATS_MAX = 5 };

struct register_vm {
	const char *container_id;
	const char *ctl_serial;
	const char *io_serial;
	const char *console;
	uint32_t num_io_streams;
	bool transient; /* tokens that are not used end with the connection */
	bool dialect;	/* the answer is to tell it */
};

static const struct json_row register_vm_rows[] = {
	{ .name = "containerId",
	  .kind = JSON_STR,
	  .offset = offsetof(struct register_vm, container_id) },
	{ .name = "ctlSerial",
	  .kind = JSON_STR,
	  .offset = offsetof(struct register_vm, ctl_serial),
	  .flags = JSON_OMIT_EMPTY },
	{ .name = "ioSerial",
	  .kind = JSON_STR,
	  .offset = offsetof(struct register_vm, io_serial),
	  .flags = JSON_OMIT_EMPTY },
	{ .name = "console",
	  .kind = JSON_STR,
	  .offset = offsetof(struct register_vm, console),
	  .flags = JSON_OMIT_EMPTY },
	{ .name = "numIOStreams",
	  .kind = JSON_U32,
	  .offset = offsetof(struct register_vm, num_io_streams),
	  .flags = JSON_OMIT_EMPTY },
	{ .name = "transient",
	  .kind = JSON_BOOL,
	  .offset = offsetof(struct register_vm, transient),
	  .flags = JSON_OMIT_EMPTY },
	{ .name = "dialect",
	  .kind = JSON_BOOL,
	  .offset = offsetof(struct register_vm, dialect),
	  .flags = JSON_OMIT_EMPTY },
};
static const struct json_type register_vm_type = JSON_TYPE(register_vm, register_vm_rows);

struct io_reply {
	struct {
		const char *url;
		struct json_strs tokens;
	} io;
	const char *dialect;
};

static const struct json_row io_rows[] = {
	{ .name = "URL", .kind = JSON_STR, .offset = offsetof(struct io_reply, io.url) },
	{ .name = "tokens", .kind = JSON_STRS, .offset = offsetof(struct io_reply, io.tokens) },
};
static const struct json_type io_type = { .name = "io",
					  .size = sizeof(((struct io_reply *)0)->io),
					  .rows = io_rows,
					  .n_rows = sizeof(io_rows) / sizeof(io_rows[0]) };
static const struct json_row io_reply_rows[] = {
	{ .name = "io",
	  .kind = JSON_OBJ,
	  .offset = offsetof(struct io_reply, io),
	  .type = &io_type,
	  .flags = JSON_REQUIRED },
	{ .name = "dialect", .kind = JSON_STR, .offset = offsetof(struct io_reply, dialect) },
};
static const struct json_type io_reply_type = JSON_TYPE(io_reply, io_reply_rows);

static int send_row(struct client *client, enum ccproxy_command command,
		    const struct register_vm *body, struct error *err)
{
	auto_strbuf struct strbuf json = { 0 };
	int ret = json_encode(&register_vm_type, body, 0, &json);

	if (ret < 0)
		return err_set(err, ret, "encode a request to the sandbox's proxy");
	return client_send(client, command, strbuf_str(&json), err);
}

int agent_register(struct client *client, const struct agent_vm *vm, struct error *err)
{
	const struct register_vm body = {
		.container_id = vm->sandbox_id,
		.ctl_serial = vm->ctl_path,
		.io_serial = vm->tty_path,
		.console = vm->console_path,
		.num_io_streams = 1,
		.dialect = true,
	};

	return send_row(client, CCPROXY_REGISTER_VM, &body, err);
}

static int receive_token(struct client *client, enum ccproxy_command command,
			 const struct client_wait *wait, char *token, struct error *err)
{
	auto_strbuf struct strbuf reply = { 0 };
	auto_arena struct arena arena = { 0 };
	struct io_reply io;
	int ret = client_receive(client, command, wait, &reply, err);

	if (ret < 0)
		return ret;
	if (!token)
		return 0;
	ret = json_decode(&io_reply_type, strbuf_str(&reply), reply.len, NULL, &arena, &io, err);
	if (ret < 0)
		return err_ctx(err, "answer of the sandbox's proxy");
	if (command == CCPROXY_REGISTER_VM)
		client->dialect = agent_dialect_parse(io.dialect);
	if (io.io.tokens.len != 1)
		return err_msg(err, -EPROTO, "the sandbox's proxy gave %zu tokens instead of one",
			       io.io.tokens.len);
	if ((size_t)snprintf(token, CLIENT_TOKEN_MAX, "%s", io.io.tokens.items[0]) >=
	    CLIENT_TOKEN_MAX)
		return err_msg(err, -EPROTO, "the sandbox's proxy gave a token of %zu bytes",
			       strlen(io.io.tokens.items[0]));
	return 0;
}

int agent_registered(struct client *client, const struct client_wait *wait,
		     char token[static CLIENT_TOKEN_MAX], struct error *err)
{
	return receive_token(client, CCPROXY_REGISTER_VM, wait, token, err);
}

int agent_attach(struct client *client, const char *sandbox_id, const struct client_wait *wait,
		 char *token, struct error *err)
{
	const struct register_vm body = { .container_id = sandbox_id,
					  .num_io_streams = token ? 1 : 0,
					  .transient = token != NULL };
	int ret = send_row(client, CCPROXY_ATTACH_VM, &body, err);

	return ret < 0 ? ret : receive_token(client, CCPROXY_ATTACH_VM, wait, token, err);
}

int agent_unregister(struct client *client, const char *sandbox_id, const struct client_wait *wait,
		     struct error *err)
{
	const struct register_vm body = { .container_id = sandbox_id };
	int ret = send_row(client, CCPROXY_UNREGISTER_VM, &body, err);

	return ret < 0 ? ret : client_receive(client, CCPROXY_UNREGISTER_VM, wait, NULL, err);
}

/* {"hyperName":...,"key":...,"tokens":...,"data":...} */
static int encode_request(const struct agent_request *request, uint64_t key, struct strbuf *json)
{
	int ret = 0;

	strbuf_addf(json, "{\"hyperName\":\"%s\",", calls_find_code(request->code)->hyper_name);
	if (key)
		strbuf_addf(json, "\"key\":%" PRIu64 ",", key);
	strbuf_adds(json, "\"tokens\":");
	if (request->token) {
		strbuf_addc(json, '[');
		json_quote(json, request->token);
		strbuf_addc(json, ']');
	} else {
		strbuf_adds(json, "null");
	}
	if (request->type || request->json)
		strbuf_adds(json, ",\"data\":");
	if (request->type)
		ret = json_encode(request->type, request->body, 0, json);
	else if (request->json)
		strbuf_adds(json, request->json);
	strbuf_addc(json, '}');
	return ret < 0 ? ret : strbuf_error(json);
}

/* Only ours knows a call that comes again. */
static int choose_key(const struct client *client, uint64_t *key)
{
	*key = 0;
	if (!client->reopen || client->dialect != AGENT_ACRUN)
		return 0;
	while (*key == 0)
		if (getrandom(key, sizeof(*key), 0) != sizeof(*key))
			return -EIO;
	return 0;
}

/* Repeats a call whose proxy has gone away with another one. */
static int call_once(struct client *client, const char *json, bool may_repeat,
		     const struct client_wait *wait, struct strbuf *reply, struct error *err)
{
	int ret = client_call(client, CCPROXY_HYPER, json, wait, reply, err);

	for (int i = 0; may_repeat && client_is_lost(ret) && i < REPEATS_MAX; i++) {
		err_clear(err);
		ret = client->reopen(client, client->reopen_arg, wait, err);
		if (ret == 0)
			ret = client_call(client, CCPROXY_HYPER, json, wait, reply, err);
	}
	return ret;
}

int agent_ask(struct client *client, const struct agent_request *request,
	      const struct client_wait *wait, struct strbuf *reply, struct error *err)
{
	static const char prefix[] = "ERROR received from VM agent, control msg received : ";
	auto_strbuf struct strbuf json = { .max = CCPROXY_PAYLOAD_MAX };
	uint64_t key;
	int ret;

	if (request->code >= CALL_HELLO && client->dialect < AGENT_UNTOLD &&
	    client->dialect != AGENT_ACRUN)
		return err_msg(err, -EOPNOTSUPP,
			       "the guest's agent (%s) cannot do this: it has no '%s'",
			       agent_dialect_name(client->dialect),
			       calls_find_code(request->code)->hyper_name);
	ret = choose_key(client, &key);
	if (ret == 0)
		ret = encode_request(request, key, &json);
	if (ret < 0)
		return err_set(err, ret, "encode '%s' for the guest",
			       calls_find_code(request->code)->hyper_name);
	ret = call_once(client, json.data, key != 0, wait, reply, err);
	if (ret == -EREMOTEIO && err && !strncmp(err->text, prefix, sizeof(prefix) - 1))
		memmove(err->text, err->text + sizeof(prefix) - 1,
			strlen(err->text) - sizeof(prefix) + 2);
	return ret;
}

int agent_call(struct client *client, enum call_code code, const char *token,
	       const struct json_type *type, const void *body, const struct client_wait *wait,
	       struct error *err)
{
	const struct agent_request request = {
		.code = code, .token = token, .type = type, .body = body
	};

	return agent_ask(client, &request, wait, NULL, err);
}
