#include "cmd/acrun-proxy/resume.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include "agent/proto/calls.h"
#include "base/log.h"
#include "cmd/acrun-proxy/clients.h"
#include "cmd/acrun-proxy/journal.h"
#include "cmd/acrun-proxy/proxy.h"
#include "cmd/acrun-proxy/sessions.h"
#include "cmd/acrun-proxy/starts.h"
#include "cmd/acrun-proxy/vm.h"

/* The answer leaves before the session's output. */
static void join(struct session *session, struct request *request, const struct strbuf *json)
{
	struct client *client = request->client;

	if (client) {
		client->flow = true;
		client->kill_on_close = session->kills;
	}
	request_reply(request, json->data, json->len);
	if (client && !client->dead) {
		session_claim(session, client);
		client_flush(client);
	} else if (session->kills) {
		session_abandon(session);
	}
}

/* What the agent has credited while its answer was on the way. */
static void pass_early_credit(struct session *session)
{
	uint64_t early = session->early_credit;

	session->early_credit = 0;
	if (early > 0 && session->shim)
		session_give_stdin(session, (uint32_t)early);
}

static bool read_reply(const struct session *session, const char *payload, size_t len,
		       struct call_resume_reply *reply, struct error *err)
{
	auto_arena struct arena arena = { 0 };

	if (json_decode(&call_resume_reply_type, payload, len, NULL, &arena, reply, err) < 0)
		return false;
	if (reply->in >= reply->in_taken && reply->in - reply->in_taken <= STREAM_WINDOW &&
	    session->early_credit <= reply->in - reply->in_taken)
		return true;
	(void)err_msg(err, -EBADMSG, "the agent's count of bytes cannot be");
	return false;
}

static void on_resumed(void *arg, const struct error *err, const char *payload, size_t len)
{
	struct session *session = arg;
	struct request *request = session->resuming;
	auto_strbuf struct strbuf json = { 0 };
	struct call_resume_reply reply = { 0 };
	struct error bad = { 0 };

	session->resuming = NULL;
	session->adrift = false;
	strbuf_adds(&json, "{\"flow\":true,\"resume\":true");
	if (!err && !read_reply(session, payload, len, &reply, &bad))
		err = &bad;
	if (!err) {
		session->in_unacked = reply.in - reply.in_taken;
		session->in_credit = STREAM_WINDOW - session->in_unacked;
		strbuf_addf(&json,
			    ",\"stdin\":%" PRIu64 ",\"stdinTaken\":%" PRIu64 ",\"signals\":%u",
			    reply.in, reply.in_taken, reply.signals);
	} else {
		/* It never came to be, or its end was acknowledged already. */
		log_debug("stream %" PRIu64 ": %s", session->stdio, err->text);
	}
	strbuf_addc(&json, '}');
	join(session, request, &json);
	if (err)
		session_exit(session, EXIT_LOST);
	else
		pass_early_credit(session);
}

void resume_session(struct session *session, struct request *request,
		    const struct resume_point *point)
{
	const struct call_resume call = {
		.stdio = session->stdio,
		.out = point->received[0],
		.out_taken = point->taken[0],
		.err = point->received[1],
		.err_taken = point->taken[1],
	};
	auto_strbuf struct strbuf json = { 0 };
	struct error err = { 0 };

	if (session->unsettled) {
		session->early = request;
		session->early_point = *point;
		return;
	}
	if (!point->wanted) {
		request_fail(
			request,
			"the session is one of an earlier proxy, and this shim cannot resume it");
		return;
	}
	for (int i = 0; i < 2; i++) {
		session->out_unacked[i] = point->received[i] - point->taken[i];
		if (point->taken[i] > point->received[i] ||
		    session->out_unacked[i] > session->proxy->vm->window) {
			request_fail(request, "the shim's count of bytes cannot be");
			return;
		}
	}
	session->resumes = true;
	session->resuming = request;
	if (json_encode(&call_resume_type, &call, 0, &json) == 0 &&
	    vm_call(session->proxy->vm,
		    &(struct vm_request){ CALL_RESUME, strbuf_str(&json), json.len, 0 }, on_resumed,
		    session, &err) == 0)
		return;
	session->resuming = NULL;
	request_fail(request, err.code ? err.text : "no memory");
}

void resume_settled(struct session *session, bool started)
{
	static const char reply[] = "{\"flow\":true,\"resume\":true}";
	auto_strbuf struct strbuf json = { 0 };
	struct request *request = session->early;

	session->unsettled = false;
	session->early = NULL;
	if (!request)
		return;
	if (started) {
		resume_session(session, request, &session->early_point);
		return;
	}
	session->adrift = false;
	session->resumes = true;
	strbuf_adds(&json, reply);
	join(session, request, &json);
}

void resume_end_missing(struct proxy *proxy)
{
	for (struct session *session = proxy->sessions; session; session = session->next) {
		if (!session->dead && session->transient && session->state == SESSION_IDLE &&
		    !session->owner && !session->start)
			session_end_unused(session);
		/* Whoever wanted it started has not come back either: let its shim find out. */
		if (!session->dead && session->unsettled && !session->start)
			resume_settled(session, true);
		if (session->dead || !session->adrift || session->resuming || session->start)
			continue;
		log_info("the shim of process '%s' of '%s' has not come back", session->process,
			 session->container);
		session->adrift = false;
		session_abandon(session);
	}
}
