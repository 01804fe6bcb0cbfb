#include "cmd/acrun-proxy/sessions.h"

#include <endian.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include "base/log.h"
#include "cmd/acrun-proxy/clients.h"
#include "cmd/acrun-proxy/proxy.h"
#include "cmd/acrun-proxy/starts.h"
#include "cmd/acrun-proxy/vm.h"

enum {
	CREDIT_STEP = STREAM_WINDOW / 4, /* credit for stdin is given in pieces of at least this */
	FRAME_GROWS_TO = 64 << 10,
	NULL_STREAM = 1, /* the pair kept for a process without token */
};

static const uint64_t credit_max = UINT64_C(1) << 40;

static bool is_null(const struct session *session)
{
	return session->token[0] == '\0';
}

static bool has_flow(const struct session *session)
{
	return session->proxy->vm && session->proxy->vm->flow;
}

/* URL-safe base64 of 32 bytes; the last group has two bytes and one '='. */
static int make_token(char token[static TOKEN_LEN + 1])
{
	static const char letters[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	unsigned char bytes[TOKEN_BYTES + 1] = { 0 };
	char *pos = token;

	if (getrandom(bytes, TOKEN_BYTES, 0) != TOKEN_BYTES)
		return -EIO;
	for (size_t i = 0; i < TOKEN_BYTES; i += 3) {
		unsigned group = (unsigned)bytes[i] << 16 | (unsigned)bytes[i + 1] << 8;

		group |= i + 2 < TOKEN_BYTES ? bytes[i + 2] : 0;
		for (int shift = 18; shift >= 0; shift -= 6)
			*pos++ = letters[group >> shift & 63];
	}
	token[TOKEN_LEN - 1] = '=';
	token[TOKEN_LEN] = '\0';
	return 0;
}

static struct session *add_session(struct proxy *proxy)
{
	struct session *session;

	if (proxy->n_sessions >= SESSIONS_MAX)
		return NULL;
	session = calloc(1, sizeof(*session));
	if (!session)
		return NULL;
	session->proxy = proxy;
	session->in_credit = STREAM_WINDOW;
	session->next = proxy->sessions;
	proxy->sessions = session;
	proxy->n_sessions++;
	return session;
}

static void take_streams(struct session *session)
{
	session->stdio = session->proxy->next_stream;
	session->proxy->next_stream += 2;
}

struct session *session_new(struct proxy *proxy)
{
	struct session *session = add_session(proxy);

	if (!session)
		return NULL;
	if (make_token(session->token) < 0) {
		session->token[0] = '\0';
		session->dead = true;
		return NULL;
	}
	take_streams(session);
	if (proxy->vm && proxy->vm->state == VM_LOST)
		session_exit(session, EXIT_LOST);
	return session;
}

struct session *session_new_known(struct proxy *proxy, const char *token, uint64_t stdio)
{
	struct session *session = add_session(proxy);

	if (!session)
		return NULL;
	memcpy(session->token, token, strnlen(token, TOKEN_LEN));
	session->stdio = stdio;
	session->journaled = true;
	return session;
}

struct session *session_new_null(struct proxy *proxy)
{
	bool taken = session_find_stream(proxy, NULL_STREAM) != NULL;
	struct session *session = add_session(proxy);

	if (!session)
		return NULL;
	if (taken)
		take_streams(session);
	else
		session->stdio = NULL_STREAM;
	return session;
}

/* Tokens are secrets: the time of the comparison tells nothing. */
static bool same_token(const char *a, const char *b)
{
	unsigned diff = 0;

	for (size_t i = 0; i < TOKEN_LEN; i++)
		diff |= (unsigned char)a[i] ^ (unsigned char)b[i];
	return diff == 0;
}

struct session *session_find_token(struct proxy *proxy, const char *token)
{
	if (!token || strlen(token) != TOKEN_LEN)
		return NULL;
	for (struct session *session = proxy->sessions; session; session = session->next)
		if (!session->dead && !is_null(session) && same_token(session->token, token))
			return session;
	return NULL;
}

struct session *session_find_stream(struct proxy *proxy, uint64_t stream)
{
	for (struct session *session = proxy->sessions; session; session = session->next)
		if (!session->dead && (session->stdio == stream || session->stdio + 1 == stream))
			return session;
	return NULL;
}

void session_free(struct session *session)
{
	session->proxy->n_sessions--;
	free(session->container);
	free(session->process);
	outq_done(&session->in);
	strbuf_done(&session->out);
	free(session);
}

void session_claim(struct session *session, struct client *shim)
{
	session->shim = shim;
	shim->session = session;
	if (session->start)
		start_go(session);
}

/* Output that nobody will read counts as written. */
static void drop_output(struct session *session)
{
	struct outq nowhere = { 0 };

	if (session_give_output(session, &nowhere))
		outq_done(&nowhere);
	session_output_written(session);
}

/* A proxy after us need not know it. */
static void forget(struct session *session)
{
	if (session->journaled)
		journal_remove(session->proxy, session);
	session->dead = true;
}

/* The agent may forget it as well. */
static void take_leave(struct session *session)
{
	if (session->proxy->vm)
		vm_send_leave(session->proxy->vm, session->stdio);
	forget(session);
}

void session_abandon(struct session *session)
{
	if (session->kills && session->state == SESSION_STARTED)
		signal_process(session, NULL, SIGKILL, 0, 0);
	take_leave(session);
}

void session_release(struct session *session, bool leave)
{
	bool kill = session->shim->kill_on_close && !leave;

	session->shim->session = NULL;
	session->shim = NULL;
	session_output_written(session);
	if (!leave && !kill)
		return;
	/* From here on nobody will claim it. What still runs goes on like a process without token.
	 */
	start_cancel(session, "its shim has gone");
	if (kill && session->state != SESSION_EXITED)
		signal_process(session, NULL, SIGKILL, 0, 0);
	memset(session->token, 0, sizeof(session->token));
	for (int i = 0; i < 2 && session->resumes; i++)
		session->agent_owed[i] += (uint32_t)session->out_unacked[i];
	session->resumes = false;
	drop_output(session);
	if (session->state == SESSION_EXITED ||
	    (session->state == SESSION_STARTED && session->proxy->vm->resume))
		take_leave(session);
	else if (session->state == SESSION_IDLE)
		forget(session);
}

void session_end_unused(struct session *session)
{
	session_exit(session, EXIT_LOST);
	/* Without a shim nobody will ask how it ended. */
	if (!session->shim && !session->dead)
		forget(session);
}

void sessions_disown(struct proxy *proxy, const struct client *owner)
{
	for (struct session *session = proxy->sessions; session; session = session->next) {
		if (session->owner != owner)
			continue;
		session->owner = NULL;
		if (!session->dead && session->state == SESSION_IDLE)
			session_end_unused(session);
	}
}

void session_started(struct session *session)
{
	if (session->state != SESSION_STARTING)
		return;
	session->state = SESSION_STARTED;
	signal_held(session);
}

void session_exit(struct session *session, uint8_t code)
{
	if (session->state == SESSION_EXITED)
		return;
	session->state = SESSION_EXITED;
	start_cancel(session, "its process has ended before it was started");
	outq_done(&session->in);
	if (is_null(session)) {
		take_leave(session);
		return;
	}
	session->last_can_grow = false;
	if (ccproxy_encode(&session->out, CCPROXY_NOTIFICATION, CCPROXY_PROCESS_EXITED, false,
			   &code, 1) < 0 &&
	    session->shim)
		client_close(session->shim);
	else if (session->shim)
		client_flush(session->shim);
}

int session_take_stdin(struct session *session, const char *data, size_t len)
{
	size_t held = outq_len(&session->in);

	if (session->state == SESSION_EXITED || session->in_eof)
		return 0;
	if (len == 0)
		session->in_eof = true;
	if (session->resumes
		    ? session->in_unacked + len > STREAM_WINDOW
		    : session->shim->flow && held + session->shim_owed + len > STREAM_WINDOW)
		return -EBADMSG;
	session->in_unacked += session->resumes ? len : 0;
	return strbuf_add(&session->in.buf, data, len);
}

void session_give_stdin(struct session *session, uint32_t bytes)
{
	uint32_t value = htobe32(bytes);

	session->in_unacked -= bytes;
	session->in_credit += bytes;
	if (session->shim)
		client_notify(session->shim, CCPROXY_STDIN_CREDIT, &value, sizeof(value));
}

/* A frame to the guest for each few bytes would cost it more than the bytes. */
static void give_output_credit(struct session *session, unsigned stream)
{
	struct vm *vm = session->proxy->vm;

	if (session->agent_owed[stream] < vm->window / 4 || session->state == SESSION_EXITED)
		return;
	vm_send_credit(vm, session->stdio + stream, session->agent_owed[stream]);
	session->agent_owed[stream] = 0;
}

int session_take_output_credit(struct session *session, const char *payload, size_t len)
{
	uint32_t bytes[2];

	if (!session->resumes || len != sizeof(bytes))
		return -EBADMSG;
	memcpy(bytes, payload, sizeof(bytes));
	for (unsigned i = 0; i < 2; i++) {
		bytes[i] = be32toh(bytes[i]);
		if (bytes[i] > session->out_unacked[i])
			return -EBADMSG;
		session->out_unacked[i] -= bytes[i];
		session->agent_owed[i] += bytes[i];
		give_output_credit(session, i);
	}
	return 0;
}

bool session_stdin_is_full(const struct session *session)
{
	return outq_len(&session->in) >= STREAM_WINDOW;
}

static void give_stdin_credit(struct session *session)
{
	uint32_t bytes = htobe32(session->shim_owed);

	if (session->shim_owed < CREDIT_STEP)
		return;
	session->shim_owed = 0;
	if (session->shim && session->shim->flow)
		client_notify(session->shim, CCPROXY_STDIN_CREDIT, &bytes, sizeof(bytes));
}

/* One frame at most, so that sessions take turns. */
static bool pump(struct session *session, struct vm *vm)
{
	size_t len = outq_len(&session->in);

	if (session->state != SESSION_STARTED || !vm_has_room(vm))
		return false;
	if (len == 0) {
		if (!session->in_eof || session->in_eof_sent)
			return false;
		session->in_eof_sent = true;
		vm_send_stdin(vm, session->stdio, NULL, 0);
		return true;
	}
	if (len > TTY_FRAME_MAX - TTY_HEADER_LEN)
		len = TTY_FRAME_MAX - TTY_HEADER_LEN;
	if (vm->flow && len > session->in_credit)
		len = (size_t)session->in_credit;
	if (len == 0)
		return false;
	vm_send_stdin(vm, session->stdio, session->in.buf.data + session->in.sent, len);
	session->in.sent += len;
	session->in_credit -= vm->flow ? len : 0;
	session->shim_owed += session->resumes ? 0 : (uint32_t)len;
	if (outq_len(&session->in) == 0) {
		session->in.sent = 0;
		outq_shrink(&session->in.buf);
	} else if (session->in.sent >= STREAM_WINDOW) {
		strbuf_consume(&session->in.buf, session->in.sent);
		session->in.sent = 0;
	}
	give_stdin_credit(session);
	return true;
}

void sessions_pump(struct proxy *proxy)
{
	bool moved = proxy->vm != NULL;

	while (moved) {
		moved = false;
		for (struct session *session = proxy->sessions; session; session = session->next)
			if (!session->dead)
				moved |= pump(session, proxy->vm);
	}
}

/* Consecutive bytes of one stream make one frame, as far as it is still here. */
static int add_output(struct session *session, unsigned stream, const char *data, size_t len)
{
	struct strbuf *out = &session->out;
	struct ccproxy_frame last;
	uint32_t total;
	int ret;

	if (session->last_can_grow &&
	    ccproxy_decode(out->data + session->last_frame, out->len - session->last_frame, &last) >
		    0 &&
	    last.opcode == stream && last.len + len <= FRAME_GROWS_TO) {
		total = htobe32((uint32_t)(last.len + len));
		ret = strbuf_add(out, data, len);
		if (ret == 0)
			memcpy(out->data + session->last_frame + 8, &total, sizeof(total));
		return ret;
	}
	session->last_frame = out->len;
	session->last_can_grow = true;
	return ccproxy_encode(out, CCPROXY_STREAM, stream, false, data, len);
}

static int take_output(struct session *session, bool is_err, const struct tty_frame *frame)
{
	size_t held = session->resumes ? (size_t)session->out_unacked[is_err]
				       : session->out_queued[is_err] + session->out_flying[is_err];
	int ret;

	if (has_flow(session) &&
	    held + session->agent_owed[is_err] + frame->len > session->proxy->vm->window)
		return -EBADMSG;
	if (is_null(session)) {
		session->out_flying[is_err] += frame->len;
		session_output_written(session);
		return 0;
	}
	if (!has_flow(session) && !session->shim && held > PLAIN_OUTPUT_MAX) {
		log_debug(
			"output of stream %llu dropped: no shim, and the agent has no flow control",
			(unsigned long long)frame->stream);
		return 0;
	}
	ret = add_output(session, is_err ? CCPROXY_STDERR : CCPROXY_STDOUT, frame->payload,
			 frame->len);
	if (ret < 0)
		return ret;
	session->out_queued[is_err] += frame->len;
	session->out_unacked[is_err] += session->resumes ? frame->len : 0;
	return 0;
}

static int take_credit(struct proxy *proxy, const struct tty_frame *frame)
{
	uint64_t stream = frame->stream & ~STREAM_CREDIT_BIT;
	struct session *session = session_find_stream(proxy, stream);
	uint32_t bytes;

	if (frame->len != sizeof(bytes))
		return -EBADMSG;
	memcpy(&bytes, frame->payload, sizeof(bytes));
	if (!session || session->stdio != stream || session->state == SESSION_EXITED)
		return 0;
	bytes = be32toh(bytes);
	if (session->resuming) {
		session->early_credit += bytes;
		return session->early_credit > STREAM_WINDOW ? -EBADMSG : 0;
	}
	if (session->resumes) {
		if (bytes > session->in_unacked)
			return -EBADMSG;
		session_give_stdin(session, bytes);
		return 0;
	}
	session->in_credit += bytes;
	if (session->in_credit > credit_max)
		session->in_credit = credit_max;
	return 0;
}

static void take_eof(struct session *session)
{
	session->eof = true;
	if (session->finished)
		session_exit(session, session->code);
}

int sessions_take_frame(struct proxy *proxy, const struct tty_frame *frame)
{
	struct session *session;
	bool is_err;

	if (proxy->vm->flow && (frame->stream & STREAM_CREDIT_BIT))
		return take_credit(proxy, frame);
	session = session_find_stream(proxy, frame->stream);
	if (!session || session->state == SESSION_IDLE || session->state == SESSION_EXITED ||
	    (session->adrift && !session->resuming)) {
		log_debug("%u bytes for stream %llu, which is not in use", frame->len,
			  (unsigned long long)frame->stream);
		return 0;
	}
	is_err = frame->stream != session->stdio;
	if (!is_err && frame->len == 0)
		take_eof(session);
	else if (!is_err && session->eof && frame->len == 1 &&
		 dialect_exits_by_stream(proxy->vm->dialect))
		session_exit(session, (uint8_t)frame->payload[0]);
	else if (!session->eof && frame->len > 0)
		return take_output(session, is_err, frame);
	return 0;
}

void sessions_finish(struct proxy *proxy, const char *container, const char *process, uint8_t code)
{
	for (struct session *session = proxy->sessions; session; session = session->next) {
		if (session->dead || session->finished ||
		    (session->state != SESSION_STARTING && session->state != SESSION_STARTED) ||
		    strcmp(session->container, container) != 0 ||
		    strcmp(session->process, process) != 0)
			continue;
		session->finished = true;
		session->code = code;
		if (session->eof)
			session_exit(session, code);
		return;
	}
	log_debug("the end of process '%s' of '%s', which is not known", process, container);
}

void sessions_flush(struct proxy *proxy)
{
	for (struct session *session = proxy->sessions; session; session = session->next)
		if (session->shim && session->out.len > 0)
			client_flush(session->shim);
}

bool session_give_output(struct session *session, struct outq *queue)
{
	struct strbuf empty = { 0 };

	if (session->out.len == 0)
		return false;
	strbuf_done(&queue->buf);
	queue->buf = session->out;
	queue->sent = 0;
	session->out = empty;
	session->last_can_grow = false;
	for (int i = 0; i < 2; i++) {
		session->out_flying[i] += session->out_queued[i];
		session->out_queued[i] = 0;
	}
	return true;
}

void session_output_written(struct session *session)
{
	for (unsigned i = 0; i < 2; i++) {
		if (!session->resumes)
			session->agent_owed[i] += (uint32_t)session->out_flying[i];
		session->out_flying[i] = 0;
		if (has_flow(session))
			give_output_credit(session, i);
		else
			session->agent_owed[i] = 0;
	}
}

bool sessions_are_full(const struct proxy *proxy)
{
	for (const struct session *session = proxy->sessions; session; session = session->next) {
		const size_t *queued = session->out_queued, *flying = session->out_flying;

		if (session->shim &&
		    queued[0] + queued[1] + flying[0] + flying[1] > PLAIN_OUTPUT_MAX)
			return true;
	}
	return false;
}

void sessions_lose(struct proxy *proxy)
{
	for (struct session *session = proxy->sessions; session; session = session->next)
		if (!session->dead)
			session_exit(session, EXIT_LOST);
}
