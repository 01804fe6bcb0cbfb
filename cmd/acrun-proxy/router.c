#include "cmd/acrun-proxy/router.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "agent/proto/calls.h"
#include "base/log.h"
#include "cmd/acrun-proxy/clients.h"
#include "cmd/acrun-proxy/proxy.h"
#include "cmd/acrun-proxy/resume.h"
#include "cmd/acrun-proxy/sessions.h"
#include "cmd/acrun-proxy/starts.h"
#include "cmd/acrun-proxy/vm.h"

enum { TOKENS_A_REQUEST_MAX = 1024, SIGNAL_MAX = 64 };

/* Bodies of all commands: each reads the members it knows. */
struct command_body {
	const char *container_id;
	const char *ctl_serial;
	const char *io_serial;
	const char *console;
	uint32_t num_io_streams;
	bool transient;
	bool dialect;
	const char *hyper_name;
	struct json_strs tokens;
	const char *data;
	uint64_t key;
	const char *token;
	bool flow;
	bool kill_on_close;
	struct resume_point resume;
	int32_t signal;
	uint32_t seq;
	uint32_t rows;
	uint32_t columns;
};

#define ROW(json, kind_, member)                                                                 \
	{                                                                                        \
		.name = (json), .kind = (kind_), .offset = offsetof(struct command_body, member) \
	}

static const struct json_row command_rows[] = {
	ROW("containerId", JSON_STR, container_id),
	ROW("ctlSerial", JSON_STR, ctl_serial),
	ROW("ioSerial", JSON_STR, io_serial),
	ROW("console", JSON_STR, console),
	ROW("numIOStreams", JSON_U32, num_io_streams),
	ROW("transient", JSON_BOOL, transient),
	ROW("dialect", JSON_BOOL, dialect),
	ROW("hyperName", JSON_STR, hyper_name),
	ROW("tokens", JSON_STRS, tokens),
	ROW("data", JSON_RAW, data),
	ROW("key", JSON_U64, key),
	ROW("token", JSON_STR, token),
	ROW("flow", JSON_BOOL, flow),
	ROW("kill_on_close", JSON_BOOL, kill_on_close),
	ROW("resume", JSON_BOOL, resume.wanted),
	ROW("stdout", JSON_U64, resume.received[0]),
	ROW("stdoutTaken", JSON_U64, resume.taken[0]),
	ROW("stderr", JSON_U64, resume.received[1]),
	ROW("stderrTaken", JSON_U64, resume.taken[1]),
	ROW("signalNumber", JSON_I32, signal),
	ROW("seq", JSON_U32, seq),
	ROW("rows", JSON_U32, rows),
	ROW("columns", JSON_U32, columns),
};
static const struct json_type command_type = JSON_TYPE(command_body, command_rows);

/* NULL with err set on failure. */
static struct session *make_token(struct proxy *proxy, const struct client *owner,
				  struct error *err)
{
	struct session *session = session_new(proxy);

	if (!session) {
		(void)err_msg(err, -ENOMEM, "no room for one more token");
		return NULL;
	}
	session->owner = owner;
	session->transient = owner != NULL;
	if (journal_add_token(proxy, session, err) < 0) {
		session->dead = true;
		return NULL;
	}
	session->journaled = true;
	return session;
}

/* Makes n tokens and answers with them; with an owner they end with it while they are unused. The
 * dialect is told only to who asks for it. */
static void reply_io(struct proxy *proxy, struct request *request, uint32_t n,
		     const struct client *owner, bool dialect)
{
	auto_strbuf struct strbuf json = { 0 };
	struct error err = { 0 };

	if (n > TOKENS_A_REQUEST_MAX) {
		request_fail(request, "too many streams asked for at a time");
		return;
	}
	strbuf_adds(&json, "{\"io\":{\"URL\":");
	(void)json_quote(&json, proxy->url);
	strbuf_adds(&json, ",\"tokens\":");
	for (uint32_t i = 0; i < n; i++) {
		struct session *session = make_token(proxy, owner, &err);

		if (!session) {
			request_fail(request, err.text);
			return;
		}
		strbuf_addf(&json, "%c\"%s\"", i == 0 ? '[' : ',', session->token);
	}
	strbuf_adds(&json, n > 0 ? "]}" : "null}");
	if (dialect)
		strbuf_addf(&json, ",\"dialect\":\"%s\"", dialect_name(proxy->vm->dialect));
	strbuf_addc(&json, '}');
	if (strbuf_error(&json) < 0)
		request_fail(request, "no memory");
	else
		request_reply(request, json.data, json.len);
}

static void fail(struct request *request, const char *fmt, ...) printf_like(2, 3);

static void fail(struct request *request, const char *fmt, ...)
{
	auto_strbuf struct strbuf text = { 0 };
	va_list args;

	va_start(args, fmt);
	(void)strbuf_vaddf(&text, fmt, args);
	va_end(args);
	request_fail(request, strbuf_str(&text));
}

static void on_register_vm(struct client *client, struct request *request,
			   const struct command_body *body)
{
	const struct vm_paths paths = { body->ctl_serial, body->io_serial, body->console };
	struct proxy *proxy = client->proxy;
	struct error err = { 0 };
	struct vm *vm;

	if (!body->container_id || !body->ctl_serial || !body->io_serial) {
		fail(request, "RegisterVM needs containerId, ctlSerial and ioSerial");
		return;
	}
	if (proxy->vm) {
		fail(request,
		     strcmp(proxy->sandbox, body->container_id) == 0
			     ? "%s: container already registered"
			     : "%s: this proxy has its VM already",
		     body->container_id);
		return;
	}
	free(proxy->sandbox);
	proxy->sandbox = strdup(body->container_id);
	vm = proxy->sandbox ? vm_new(proxy, &paths, &err) : NULL;
	if (!vm) {
		request_fail(request, err.text);
		return;
	}
	proxy->vm = vm;
	vm->registering = request;
	vm->n_tokens = body->num_io_streams;
	vm->tell_dialect = body->dialect;
	client->attached = true;
	client->busy = true;
}

void router_registered(struct vm *vm, const struct error *err)
{
	struct request *request = vm->registering;

	vm->registering = NULL;
	if (err)
		request_fail(request, err->text);
	else
		reply_io(vm->proxy, request, vm->n_tokens, NULL, vm->tell_dialect);
}

static bool is_ours(const struct proxy *proxy, const struct command_body *body)
{
	return proxy->vm && body->container_id && strcmp(body->container_id, proxy->sandbox) == 0;
}

static void on_attach_vm(struct client *client, struct request *request,
			 const struct command_body *body)
{
	struct proxy *proxy = client->proxy;

	if (!is_ours(proxy, body)) {
		fail(request, "unknown containerID: %s",
		     body->container_id ? body->container_id : "");
		return;
	}
	client->attached = true;
	reply_io(proxy, request, body->num_io_streams, body->transient ? client : NULL,
		 body->dialect);
}

static void on_unregister_vm(struct client *client, struct request *request,
			     const struct command_body *body)
{
	if (!is_ours(client->proxy, body)) {
		fail(request, "unknown containerID: %s",
		     body->container_id ? body->container_id : "");
		return;
	}
	request_reply(request, NULL, 0);
	proxy_unregister(client->proxy);
}

/* Answers of the agent are no requests, whatever they are called. */
static bool is_request(const struct call_info *call)
{
	return call && call->code != CALL_ACK && call->code != CALL_ERROR &&
	       call->code != CALL_NEXT;
}

static void on_hyper(struct client *client, struct request *request,
		     const struct command_body *body)
{
	const struct call_info *call = calls_find_name(body->hyper_name);
	struct vm_request hyper = { .code = call ? call->code : 0,
				    .payload = body->data ? body->data : "",
				    .key = body->key };
	struct error err = { 0 };

	if (!client->attached)
		fail(request, "client not attached to a vm");
	else if (!is_request(call))
		fail(request, "unknown command '%s'", body->hyper_name ? body->hyper_name : "");
	else if (!call->takes_token && body->tokens.len > 0)
		fail(request, "%s doesn't need tokens but %zu token(s) were given",
		     call->hyper_name, body->tokens.len);
	else if (body->tokens.len > 1)
		fail(request, "expected 0 or 1 token, got %zu", body->tokens.len);
	else {
		client->busy = true;
		hyper.len = strlen(hyper.payload);
		if (call->takes_token)
			start_process(client->proxy, request, &hyper,
				      body->tokens.len ? body->tokens.items[0] : NULL);
		else if (vm_call(client->proxy->vm, &hyper, request_answer, request, &err) < 0)
			request_fail(request, err.text);
	}
}

static void on_connect_shim(struct client *client, struct request *request,
			    const struct command_body *body)
{
	static const char with_flow[] = "{\"flow\":true}";
	static const char with_resume[] = "{\"flow\":true,\"resume\":true}";
	struct session *session = session_find_token(client->proxy, body->token);
	const char *token = body->token ? body->token : "";

	if (client->session)
		fail(request, "this connection is a shim's already");
	else if (!session)
		fail(request, "unknown token: %s", token);
	else if (session->shim || session->resuming || (session->early && session->early->client)) {
		client_complain(client, "a token that another shim holds was refused");
		fail(request, "token already claimed: %s", token);
	} else if (session->adrift && session->state != SESSION_EXITED) {
		resume_session(session, request, &body->resume);
	} else {
		client->flow = body->flow;
		client->kill_on_close = body->kill_on_close;
		session->adrift = false;
		session->resumes = body->flow && body->resume.wanted && client->proxy->vm->resume;
		/* The answer leaves before the session's output. */
		if (session->resumes)
			request_reply(request, with_resume, sizeof(with_resume) - 1);
		else
			request_reply(request, with_flow, body->flow ? sizeof(with_flow) - 1 : 0);
		if (client->dead)
			return;
		session_claim(session, client);
		client_flush(client);
	}
}

static void on_disconnect_shim(struct client *client, struct request *request,
			       const struct command_body *body)
{
	(void)body;
	if (!client->session) {
		fail(request, "client isn't a shim");
		return;
	}
	session_release(client->session, true);
	/* The closed connection is the answer. */
	client_close(client);
	request_reply(request, NULL, 0);
}

static void on_signal(struct client *client, struct request *request,
		      const struct command_body *body)
{
	if (!client->session)
		fail(request, "client isn't a shim");
	else if (body->signal < 1 || body->signal > SIGNAL_MAX)
		fail(request, "invalid signal number %d", body->signal);
	else if (body->signal != SIGWINCH && (body->rows || body->columns))
		fail(request, "rows and columns go with signal %d only, not with %d", SIGWINCH,
		     body->signal);
	else {
		client->session->signal_seq = body->seq;
		signal_process(client->session, request, body->signal, body->rows, body->columns);
		if (client->session)
			client->session->signal_seq = 0;
	}
}

typedef void command_fn(struct client *client, struct request *request,
			const struct command_body *body);

static command_fn *const commands[] = {
	[CCPROXY_REGISTER_VM] = on_register_vm,
	[CCPROXY_UNREGISTER_VM] = on_unregister_vm,
	[CCPROXY_ATTACH_VM] = on_attach_vm,
	[CCPROXY_HYPER] = on_hyper,
	[CCPROXY_CONNECT_SHIM] = on_connect_shim,
	[CCPROXY_DISCONNECT_SHIM] = on_disconnect_shim,
	[CCPROXY_SIGNAL] = on_signal,
};

static int take_command(struct client *client, const struct ccproxy_frame *frame)
{
	auto_arena struct arena arena = { 0 };
	struct command_body body = { 0 };
	struct error err = { 0 };
	struct request *request = request_new(client, frame->opcode);

	if (!request)
		return -ENOMEM;
	if (frame->len > 0 &&
	    json_decode(&command_type, frame->payload, frame->len, NULL, &arena, &body, &err) < 0) {
		request_fail(request, err.text);
		return 0;
	}
	commands[frame->opcode](client, request, &body);
	return 0;
}

struct log_entry {
	const char *source;
	const char *container_id;
	const char *level;
	const char *msg;
};

static const struct json_row log_rows[] = {
	{ .name = "source",
	  .kind = JSON_STR,
	  .offset = offsetof(struct log_entry, source),
	  .flags = JSON_REQUIRED },
	{ .name = "containerId",
	  .kind = JSON_STR,
	  .offset = offsetof(struct log_entry, container_id) },
	{ .name = "level",
	  .kind = JSON_STR,
	  .offset = offsetof(struct log_entry, level),
	  .flags = JSON_REQUIRED },
	{ .name = "msg",
	  .kind = JSON_STR,
	  .offset = offsetof(struct log_entry, msg),
	  .flags = JSON_REQUIRED },
};
static const struct json_type log_type = JSON_TYPE(log_entry, log_rows);

static int take_log(const struct ccproxy_frame *frame)
{
	static const char *const levels[] = { "debug", "info", "warn", "error" };
	auto_arena struct arena arena = { 0 };
	struct log_entry entry;
	int ret = json_decode(&log_type, frame->payload, frame->len, NULL, &arena, &entry, NULL);

	if (ret < 0)
		return ret;
	if (strcmp(entry.source, "shim") != 0 && strcmp(entry.source, "runtime") != 0)
		return -EINVAL;
	for (int i = 0; i < 4 && *entry.msg; i++) {
		if (strcmp(entry.level, levels[i]) == 0) {
			log_write((enum log_level)(LOG_DEBUG + i), "%s of '%s': %s", entry.source,
				  entry.container_id ? entry.container_id : "", entry.msg);
			return 0;
		}
	}
	return -EINVAL;
}

int router_take_frame(struct client *client, const struct ccproxy_frame *frame)
{
	if (frame->type == CCPROXY_COMMAND)
		return take_command(client, frame);
	if (frame->type == CCPROXY_STREAM && frame->opcode == CCPROXY_LOG)
		return take_log(frame);
	if (frame->type == CCPROXY_STREAM && frame->opcode == CCPROXY_STDIN && client->session)
		return session_take_stdin(client->session, frame->payload, frame->len);
	if (frame->type == CCPROXY_NOTIFICATION && frame->opcode == CCPROXY_OUTPUT_CREDIT &&
	    client->session)
		return session_take_output_credit(client->session, frame->payload, frame->len);
	return -EBADMSG;
}
