#include "cmd/acrun-proxy/starts.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/log.h"
#include "cmd/acrun-proxy/clients.h"
#include "cmd/acrun-proxy/journal.h"
#include "cmd/acrun-proxy/proxy.h"
#include "cmd/acrun-proxy/resume.h"
#include "cmd/acrun-proxy/sessions.h"
#include "cmd/acrun-proxy/vm.h"

struct start {
	struct session *session;
	struct request *request;
	uint32_t code;
	uint64_t key;
	struct strbuf payload;
	int timer; /* while it waits for the shim */
	bool sent;
};

/* What we read of a start call's body; the rest passes through. */
struct start_process {
	const char *id;
	bool terminal;
	uint64_t stdio;
	uint64_t stderr_stream;
};

struct start_body {
	const char *id;
	const char *container;
	struct start_process *process;
};

static const struct json_row start_process_rows[] = {
	{ .name = "id", .kind = JSON_STR, .offset = offsetof(struct start_process, id) },
	{ .name = "terminal",
	  .kind = JSON_BOOL,
	  .offset = offsetof(struct start_process, terminal) },
	{ .name = "stdio", .kind = JSON_U64, .offset = offsetof(struct start_process, stdio) },
	{ .name = "stderr",
	  .kind = JSON_U64,
	  .offset = offsetof(struct start_process, stderr_stream) },
};
static const struct json_type start_process_type = JSON_TYPE(start_process, start_process_rows);

static const struct json_row start_body_rows[] = {
	{ .name = "id", .kind = JSON_STR, .offset = offsetof(struct start_body, id) },
	{ .name = "container", .kind = JSON_STR, .offset = offsetof(struct start_body, container) },
	{ .name = "process",
	  .kind = JSON_OBJ_PTR,
	  .offset = offsetof(struct start_body, process),
	  .flags = JSON_REQUIRED,
	  .type = &start_process_type },
};
static const struct json_type start_body_type = JSON_TYPE(start_body, start_body_rows);

static void start_free(struct start *start)
{
	if (start->timer > 0)
		loop_remove_timer(start->session->proxy->loop, start->timer);
	start->session->start = NULL;
	strbuf_done(&start->payload);
	free(start);
}

static void on_answer(void *arg, const struct error *err, const char *payload, size_t len)
{
	struct start *start = arg;
	struct session *session = start->session;
	struct request *request = start->request;

	start_free(start);
	request_answer(request, err, payload, len);
	if (!err) {
		journal_settle(session->proxy, session);
		session_started(session);
	}
	resume_settled(session, err == NULL);
	if (err)
		session_exit(session, EXIT_LOST);
}

/* Of a proxy before us: its shim comes by itself. */
static int write_down(struct session *session, struct error *err)
{
	if (session->unsettled)
		return 0;
	session->kills = session->shim && session->shim->kill_on_close;
	session->journaled = session->token[0] != '\0';
	return session->journaled ? journal_add(session->proxy, session, err) : 0;
}

void start_go(struct session *session)
{
	struct start *start = session->start;
	const struct vm_request call = { start->code, start->payload.data, start->payload.len,
					 start->key };
	struct error err = { 0 };

	if (start->sent)
		return;
	if (!start->request->client) {
		start_cancel(session, "its caller has gone");
		return;
	}
	if (start->timer > 0)
		loop_remove_timer(session->proxy->loop, start->timer);
	start->timer = 0;
	if (write_down(session, &err) < 0 ||
	    vm_call(session->proxy->vm, &call, on_answer, start, &err) < 0) {
		on_answer(start, &err, NULL, 0);
		return;
	}
	start->sent = true;
	session->state = SESSION_STARTING;
	strbuf_done(&start->payload);
}

void start_cancel(struct session *session, const char *why)
{
	struct start *start = session->start;
	struct error err = { 0 };

	if (!start || start->sent)
		return;
	(void)err_msg(&err, -ECANCELED, "'%s' was not carried out: %s",
		      calls_find_code(start->code)->hyper_name, why);
	request_fail(start->request, err.text);
	start_free(start);
}

static void on_no_shim(void *arg)
{
	struct start *start = arg;
	struct session *session = start->session;
	struct proxy *proxy = session->proxy;
	struct request *request = start->request;
	struct error err = { 0 };

	(void)err_msg(&err, -ETIMEDOUT, "timeout waiting for shim with token %s", session->token);
	start->timer = 0;
	start_free(start);
	request_fail(request, err.text);
	proxy_settle(proxy);
}

static int splice(struct strbuf *json, const char *path, const char *value, struct error *err)
{
	auto_strbuf struct strbuf out = { .max = CTL_FRAME_MAX };
	int ret = json_splice(json->data, json->len, path, value, &out, err);

	if (ret < 0)
		return err_ctx(err, "set %s", path);
	strbuf_done(json);
	*json = out;
	out = (struct strbuf){ 0 };
	return 0;
}

static int splice_number(struct strbuf *json, const char *path, uint64_t number, struct error *err)
{
	char value[32];

	(void)snprintf(value, sizeof(value), "%" PRIu64, number);
	return splice(json, path, value, err);
}

/* Writes what is the proxy's to say into the body of a start. */
static int complete_body(const struct session *session, const struct start_process *process,
			 struct strbuf *json, struct error *err)
{
	bool has_id = process->id && *process->id;
	auto_strbuf struct strbuf id = { 0 };
	int ret = splice_number(json, "process.stdio", session->stdio, err);

	if (ret == 0 && !process->terminal)
		ret = splice_number(json, "process.stderr", session->stdio + 1, err);
	if (ret < 0 || has_id || !dialect_needs_process_id(session->proxy->vm->dialect))
		return ret;
	(void)json_quote(&id, session->process);
	return splice(json, "process.id", strbuf_str(&id), err);
}

static int check_body(const struct start_body *body, bool is_exec, struct error *err)
{
	const char *name = is_exec ? body->container : body->id;

	if (!name || !*name)
		return err_msg(err, -EINVAL, "the call does not say which container it is for");
	if (body->process->stdio != 0)
		return err_msg(err, -EINVAL, "expected process.Stdio to be 0, got %" PRIu64,
			       body->process->stdio);
	if (body->process->stderr_stream != 0)
		return err_msg(err, -EINVAL, "expected process.Stderr to be 0, got %" PRIu64,
			       body->process->stderr_stream);
	return 0;
}

/* Remembers whom the signals of this session are for. */
static int name_process(struct session *session, const struct start_body *body, bool is_exec,
			struct error *err)
{
	char number[32];
	const char *process = body->process->id;

	(void)snprintf(number, sizeof(number), "%" PRIu64, session->stdio);
	if (!process || !*process)
		process = is_exec ? number : "init";
	free(session->container);
	free(session->process);
	session->is_exec = is_exec;
	session->container = strdup(is_exec ? body->container : body->id);
	session->process = strdup(process);
	if (!session->container || !session->process)
		return err_set(err, -ENOMEM, "start a process");
	return 0;
}

static struct session *choose_session(struct proxy *proxy, const char *token, struct error *err)
{
	struct session *session = token ? session_find_token(proxy, token)
					: session_new_null(proxy);

	if (!session)
		(void)(token ? err_msg(err, -ENOENT, "unknown token %s", token)
			     : err_msg(err, -ENOMEM, "no room for one more process"));
	else if (session->state == SESSION_EXITED)
		(void)err_msg(err, -ESRCH,
			      "the process of token %s has ended before it was started", token);
	else if ((session->state != SESSION_IDLE && !session->unsettled) || session->start)
		(void)err_msg(err, -EBUSY, "token %s has its process already", token);
	else
		return session;
	return NULL;
}

static struct start *make_start(struct proxy *proxy, const struct vm_request *call,
				const char *token, struct error *err)
{
	bool is_exec = call->code == CALL_EXECCMD || call->code == CALL_EXECPROCESS;
	const char *data = call->payload;
	auto_arena struct arena arena = { 0 };
	auto_strbuf struct strbuf json = { 0 };
	struct start_body body;
	struct session *session;
	struct start *start;

	if (json_decode(&start_body_type, data, call->len, NULL, &arena, &body, err) < 0 ||
	    check_body(&body, is_exec, err) < 0)
		return NULL;
	session = choose_session(proxy, token, err);
	if (!session)
		return NULL;
	strbuf_adds(&json, data);
	start = calloc(1, sizeof(*start));
	if (!start || strbuf_error(&json) < 0) {
		free(start);
		session->dead = !token;
		(void)err_set(err, -ENOMEM, "start a process");
		return NULL;
	}
	*start = (struct start){ .session = session, .code = call->code, .key = call->key };
	if (name_process(session, &body, is_exec, err) < 0 ||
	    complete_body(session, body.process, &json, err) < 0) {
		session->dead = !token;
		free(start);
		return NULL;
	}
	start->payload = json;
	json = (struct strbuf){ 0 };
	return start;
}

/* Was it carried out by a proxy before us, whose answer did not arrive? */
static bool was_answered(struct proxy *proxy, const char *token, uint64_t key)
{
	const struct session *session = session_find_token(proxy, token);

	if (!key || !proxy->vm->taken_over)
		return false;
	return !session || session->state == SESSION_EXITED ||
	       (session->state == SESSION_STARTED && !session->start);
}

static void ask_again(struct proxy *proxy, struct request *request, const struct vm_request *call)
{
	const struct vm_request ask = { .code = call->code, .payload = "", .key = call->key };
	struct error err = { 0 };

	if (vm_call(proxy->vm, &ask, request_answer, request, &err) < 0)
		request_fail(request, err.text);
}

void start_process(struct proxy *proxy, struct request *request, const struct vm_request *call,
		   const char *token)
{
	struct error err = { 0 };
	struct start *start;

	if (token && was_answered(proxy, token, call->key)) {
		ask_again(proxy, request, call);
		return;
	}
	start = make_start(proxy, call, token, &err);
	if (!start) {
		request_fail(request, err.text);
		return;
	}
	start->request = request;
	start->session->start = start;
	if (!token || start->session->shim || start->session->unsettled) {
		start_go(start->session);
		return;
	}
	start->timer = loop_add_timer(proxy->loop, proxy->waits.shim_ms, on_no_shim, start);
	if (start->timer < 0)
		start_cancel(start->session, "no memory");
}

static void on_signalled(void *arg, const struct error *err, const char *payload, size_t len)
{
	struct request *request = arg;

	(void)payload;
	(void)len;
	if (request)
		request_answer(request, err, NULL, 0);
}

static void send_signal(struct session *session, struct request *request, int signo, uint32_t rows,
			uint32_t columns)
{
	auto_strbuf struct strbuf json = { 0 };
	struct error err = { 0 };
	uint32_t code;
	int ret = signo == SIGWINCH && rows && columns
			  ? dialect_encode_winsize(session, rows, columns, &code, &json, &err)
			  : dialect_encode_signal(session, signo, &code, &json, &err);

	if (ret == 0)
		ret = vm_call(session->proxy->vm,
			      &(struct vm_request){ code, strbuf_str(&json), json.len, 0 },
			      on_signalled, request, &err);
	if (ret < 0)
		on_signalled(request, &err, NULL, 0);
}

void signal_process(struct session *session, struct request *request, int signo, uint32_t rows,
		    uint32_t columns)
{
	if (session->state == SESSION_STARTED) {
		send_signal(session, request, signo, rows, columns);
		return;
	}
	if (session->state == SESSION_IDLE && (signo == SIGKILL || signo == SIGTERM)) {
		session_exit(session, (uint8_t)(128 + signo));
	} else if (signo == SIGWINCH && rows && columns) {
		session->rows = rows;
		session->columns = columns;
	} else if (session->state != SESSION_EXITED) {
		session->held_signals |= UINT64_C(1) << (signo - 1);
	}
	on_signalled(request, NULL, NULL, 0);
}

void signal_held(struct session *session)
{
	uint64_t held = session->held_signals;

	session->held_signals = 0;
	if (session->rows)
		send_signal(session, NULL, SIGWINCH, session->rows, session->columns);
	for (int signo = 1; held != 0; signo++, held >>= 1)
		if (held & 1)
			send_signal(session, NULL, signo, 0, 0);
}
