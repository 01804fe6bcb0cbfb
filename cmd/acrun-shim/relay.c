#include "cmd/acrun-shim/relay.h"

#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include "agent/proto/ccproxy.h"
#include "agent/proto/hyperstart.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "cmd/acrun-shim/signals.h"

enum {
	RETRY_FIRST_MS = 1,
	RETRY_MS = 100,
	RETRY_MAX_MS = 1000,
	READ_BYTES = 64 << 10,
	IN_FULL = 128 << 10,	  /* no more is read before this is written */
	STDIN_CHUNK = 32 << 10,	  /* to a proxy that counts */
	STDIN_CHUNK_PLAIN = 8192, /* to any other */
	MESSAGE_MAX = 512,
};

static void settle(struct relay *relay);
static void on_retry(void *arg);

static void stop(struct relay *relay, int code)
{
	relay->stopped = true;
	loop_stop(relay->loop, code);
}

/* Ends with an error that is ours, not the process'. */
static void fail(struct relay *relay, const char *text)
{
	if (!relay->stopped)
		(void)err_msg(relay->err, -ECONNRESET, "%s", text);
	stop(relay, EXIT_PROXY_LOST);
}

/* Appends a frame for the proxy; settle() sends it. */
static void put(struct relay *relay, enum ccproxy_type type, unsigned opcode, const void *payload,
		size_t len)
{
	if (ccproxy_encode(&relay->out, type, opcode, false, payload, len) < 0)
		fail(relay, "out of memory");
}

static void lose(struct relay *relay)
{
	if (relay->fd < 0)
		return;
	loop_remove_fd(relay->loop, relay->fd);
	cleanup_close(&relay->fd);
	strbuf_clear(&relay->out);
	/* A proxy that closes before it has answered is as good as none: the time goes on. */
	if (relay->accepted) {
		relay->lost_ms = clock_now_ms();
		relay->retry_ms = RETRY_FIRST_MS;
	}
	relay->accepted = false;
	resume_stash(&relay->in, &relay->old);
}

static void flush(struct relay *relay)
{
	while (relay->fd >= 0 && relay->out.len > 0) {
		ssize_t n = send(relay->fd, relay->out.data, relay->out.len,
				 MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0) {
			/* What the proxy said last can still be read: the end of file there
			 * decides. */
			strbuf_clear(&relay->out);
			return;
		}
		strbuf_consume(&relay->out, (size_t)n);
	}
}

static void put_signal(struct relay *relay, int signo, uint32_t seq)
{
	char body[96];
	unsigned rows, columns;
	int len;

	if (signo == SIGWINCH && signals_get_size(&rows, &columns))
		len = snprintf(body, sizeof(body),
			       "{\"signalNumber\":%d,\"rows\":%u,\"columns\":%u}", signo, rows,
			       columns);
	else if (relay->resume.on)
		len = snprintf(body, sizeof(body), "{\"signalNumber\":%d,\"seq\":%u}", signo, seq);
	else
		len = snprintf(body, sizeof(body), "{\"signalNumber\":%d}", signo);
	put(relay, CCPROXY_COMMAND, CCPROXY_SIGNAL, body, (size_t)len);
}

/* While the proxy is lost, signals wait for the next. */
static void send_signal(struct relay *relay, int signo)
{
	int64_t seq = resume_add_signal(&relay->resume, signo, signo != SIGWINCH);

	if (seq < 0)
		log_debug("signal %d: too many wait for an answer already", signo);
	else if (relay->fd >= 0 && (relay->accepted || !relay->known))
		put_signal(relay, signo, (uint32_t)seq);
}

static void on_signal(void *arg, int signo, int32_t sender_pid)
{
	struct relay *relay = arg;

	if (!signals_is_for_process(signo, sender_pid))
		return;
	log_debug("signal %d from process %d", signo, (int)sender_pid);
	if (relay->fd < 0 && !relay->resume.on && (signo == SIGTERM || signo == SIGINT))
		fail(relay, "the sandbox's proxy is lost, a signal could not be passed on");
	else
		send_signal(relay, signo);
	settle(relay);
}

/* The text of {"msg":"..."}, as far as it can be shown. */
static void take_message(const struct ccproxy_frame *frame, char text[static MESSAGE_MAX])
{
	static const char key[] = "\"msg\":\"";
	const char *pos = memmem(frame->payload, frame->len, key, sizeof(key) - 1);
	const char *end = frame->payload + frame->len;
	size_t len = 0;

	for (pos = pos ? pos + sizeof(key) - 1 : end;
	     pos < end && *pos != '"' && len < MESSAGE_MAX - 1; pos++) {
		if (*pos == '\\' && pos + 1 < end)
			pos++;
		text[len++] = (unsigned char)*pos < 0x20 ? '?' : *pos;
	}
	text[len] = '\0';
}

/* A new proxy: what the guest does not have yet is sent once more. */
static void rejoin(struct relay *relay, const struct ccproxy_frame *frame)
{
	struct resume *resume = &relay->resume;
	uint64_t received, taken, signals;

	if (!resume_find_number(frame, "stdin", &received) ||
	    !resume_find_number(frame, "stdinTaken", &taken) ||
	    !resume_find_number(frame, "signals", &signals))
		return;
	if (resume->taken_over)
		resume_adopt(resume, received, taken,
			     signals == UINT32_MAX ? 0 : (uint32_t)signals);
	else
		resume_set_stdin(resume, received, taken);
	for (size_t at = 0; at < resume->kept.len; at += STDIN_CHUNK) {
		size_t len = resume->kept.len - at;

		put(relay, CCPROXY_STREAM, CCPROXY_STDIN, resume->kept.data + at,
		    len < STDIN_CHUNK ? len : STDIN_CHUNK);
	}
	if (relay->stdin_ended)
		put(relay, CCPROXY_STREAM, CCPROXY_STDIN, NULL, 0);
	resume_drop_signals(resume, (uint32_t)signals);
	for (unsigned i = 0; i < resume->n_signals; i++)
		put_signal(relay, resume->signals[i].signo, resume->signals[i].seq);
}

static void take_acceptance(struct relay *relay, const struct ccproxy_frame *frame)
{
	static const char flow[] = "\"flow\":true";
	static const char resume[] = "\"resume\":true";

	relay->accepted = true;
	relay->flow = frame->len > 0 && memmem(frame->payload, frame->len, flow, sizeof(flow) - 1);
	relay->resume.on = relay->flow &&
			   memmem(frame->payload, frame->len, resume, sizeof(resume) - 1);
	relay->credit = STREAM_WINDOW;
	if (relay->known)
		rejoin(relay, frame);
	relay->known = true;
	if (isatty(STDIN_FILENO))
		send_signal(relay, SIGWINCH);
}

static void take_response(struct relay *relay, const struct ccproxy_frame *frame)
{
	char text[MESSAGE_MAX];

	if (frame->opcode == CCPROXY_SIGNAL)
		resume_pop_signal(&relay->resume);

	if (frame->error) {
		take_message(frame, text);
		if (frame->opcode == CCPROXY_CONNECT_SHIM)
			(void)err_msg(relay->err, -EACCES, "the sandbox's proxy refused us: %s",
				      text);
		if (frame->opcode == CCPROXY_CONNECT_SHIM)
			stop(relay, EXIT_PROXY_LOST);
		else
			log_debug("the proxy refused command %u: %s", frame->opcode, text);
		return;
	}
	if (frame->opcode == CCPROXY_CONNECT_SHIM)
		take_acceptance(relay, frame);
}

static void take_notification(struct relay *relay, const struct ccproxy_frame *frame)
{
	uint32_t bytes;

	if (frame->opcode == CCPROXY_STDIN_CREDIT && frame->len == sizeof(bytes)) {
		memcpy(&bytes, frame->payload, sizeof(bytes));
		if (relay->resume.on)
			resume_credit_stdin(&relay->resume, be32toh(bytes));
		else
			relay->credit += be32toh(bytes);
	} else if (frame->opcode == CCPROXY_PROCESS_EXITED && frame->len > 0) {
		log_debug("the process ended with %u", (unsigned char)frame->payload[0]);
		put(relay, CCPROXY_COMMAND, CCPROXY_DISCONNECT_SHIM, NULL, 0);
		flush(relay);
		stop(relay, (unsigned char)frame->payload[0]);
	}
}

/* Writes on at the frame's payload; false when the descriptor is full. */
static bool write_output(struct relay *relay, const struct ccproxy_frame *frame)
{
	struct stdio *stdio =
		&relay->stdio[frame->opcode == CCPROXY_STDERR ? STDERR_FILENO : STDOUT_FILENO];

	while (relay->written < frame->len) {
		ssize_t n = stdio_write(stdio, frame->payload + relay->written,
					frame->len - relay->written);

		if (n == -EAGAIN) {
			relay->blocked_fd = stdio->fd;
			return false;
		}
		if (n < 0) {
			/* Nobody reads any more: the process goes on, as with a reader that throws
			 * away. */
			log_debug("descriptor %d: %s", stdio->fd, strerror((int)-n));
			stdio_close(stdio);
			n = 0;
		}
		relay->written += (size_t)n;
		relay->resume.written[frame->opcode == CCPROXY_STDERR] += (size_t)n;
	}
	relay->written = 0;
	return true;
}

/* `hold`: no output yet, for there is older. */
static void take_frames_of(struct relay *relay, struct strbuf *in, bool hold)
{
	size_t used = 0;
	int64_t n = 0;

	while (!relay->stopped) {
		struct ccproxy_frame frame;

		n = ccproxy_decode(strbuf_str(in) + used, in->len - used, &frame);
		if (n <= 0)
			break;
		if (frame.type == CCPROXY_STREAM && frame.opcode != CCPROXY_LOG &&
		    (hold || !write_output(relay, &frame)))
			break;
		if (frame.type == CCPROXY_RESPONSE)
			take_response(relay, &frame);
		else if (frame.type == CCPROXY_NOTIFICATION)
			take_notification(relay, &frame);
		used += (size_t)n;
	}
	strbuf_consume(in, used);
	if (n < 0)
		fail(relay, "the sandbox's proxy sent something that is no frame");
}

static void take_frames(struct relay *relay)
{
	relay->blocked_fd = -1;
	if (relay->old.len > 0)
		take_frames_of(relay, &relay->old, false);
	if (relay->old.len == 0 && relay->old.cap > 0)
		strbuf_done(&relay->old);
	take_frames_of(relay, &relay->in, relay->old.len > 0);
}

static void on_proxy(void *arg, int fd, uint32_t events)
{
	struct relay *relay = arg;
	char *room;
	ssize_t n;

	if (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
		room = strbuf_reserve(&relay->in, READ_BYTES);
		n = room ? recv(fd, room, READ_BYTES, MSG_DONTWAIT) : 0;
		if (n > 0)
			strbuf_grown(&relay->in, (size_t)n);
		else if (n == 0 || (errno != EAGAIN && errno != EINTR))
			lose(relay);
	}
	settle(relay);
}

static uint64_t stdin_credit(const struct relay *relay)
{
	return relay->resume.on ? resume_credit(&relay->resume) : relay->credit;
}

static void on_stdin(void *arg, int fd, uint32_t events)
{
	struct relay *relay = arg;
	char data[STDIN_CHUNK];
	size_t max = relay->flow ? sizeof(data) : STDIN_CHUNK_PLAIN;
	ssize_t n;

	(void)fd;
	(void)events;
	if (relay->flow && max > stdin_credit(relay))
		max = (size_t)stdin_credit(relay);
	n = stdio_read(&relay->stdio[STDIN_FILENO], data, max);
	if (n >= 0) {
		put(relay, CCPROXY_STREAM, CCPROXY_STDIN, data, (size_t)n);
		if (relay->resume.on && resume_keep_stdin(&relay->resume, data, (size_t)n) < 0)
			fail(relay, "out of memory");
		relay->credit -= relay->flow ? (size_t)n : 0;
		relay->stdin_ended = n == 0;
	}
	settle(relay);
}

static void on_writable(void *arg, int fd, uint32_t events)
{
	(void)fd;
	(void)events;
	settle(arg);
}

/* Descriptors are watched only while something is wanted of them: a hang-up is reported unasked,
 * for ever. */
static void watch(struct relay *relay, int fd, uint32_t events, loop_fd_fn *fn)
{
	if (events == relay->stdio_events[fd])
		return;
	if (relay->stdio_events[fd])
		loop_remove_fd(relay->loop, fd);
	relay->stdio_events[fd] = events;
	if (events && loop_add_fd(relay->loop, fd, events, fn, relay) < 0)
		fail(relay, "cannot watch standard input or output");
}

static void watch_proxy(struct relay *relay)
{
	uint32_t events = (relay->blocked_fd >= 0 && relay->in.len >= IN_FULL ? 0 : EPOLLIN) |
			  (relay->out.len > 0 ? EPOLLOUT : 0);

	if (relay->fd < 0)
		return;
	/* A proxy that ends meanwhile would be reported again and again. */
	if (events != relay->events && (events == 0 || relay->events == 0)) {
		if (relay->events)
			loop_remove_fd(relay->loop, relay->fd);
		if (events && loop_add_fd(relay->loop, relay->fd, events, on_proxy, relay) < 0)
			fail(relay, "cannot watch the sandbox's proxy");
	} else if (loop_set_events(relay->loop, relay->fd, events) < 0 && events) {
		fail(relay, "cannot watch the sandbox's proxy");
	}
	relay->events = events;
}

/* Tells what was written: the guest keeps output until then, and sends no more than a window. */
static void give_credit(struct relay *relay)
{
	uint32_t bytes[2];

	if (relay->resume.on && relay->accepted && resume_owes(&relay->resume, bytes))
		put(relay, CCPROXY_NOTIFICATION, CCPROXY_OUTPUT_CREDIT, bytes, sizeof(bytes));
}

/* At once, then less and less often. */
static void look_for_proxy(struct relay *relay)
{
	relay->retrying = true;
	if (loop_add_timer(relay->loop, relay->retry_ms, on_retry, relay) < 0)
		fail(relay, "out of memory");
	if (relay->retry_ms < RETRY_MS)
		relay->retry_ms = RETRY_MS;
	else if (relay->retry_ms < RETRY_MAX_MS)
		relay->retry_ms *= 2;
}

static void settle(struct relay *relay)
{
	bool wants_stdin;

	take_frames(relay);
	if (relay->stopped)
		return;
	give_credit(relay);
	flush(relay);
	if (relay->fd < 0 && !relay->retrying)
		look_for_proxy(relay);
	wants_stdin = relay->accepted && !relay->stdin_ended && relay->out.len == 0 &&
		      relay->fd >= 0 && (!relay->flow || stdin_credit(relay) > 0);
	watch(relay, STDIN_FILENO, wants_stdin ? EPOLLIN : 0, on_stdin);
	for (int fd = STDOUT_FILENO; fd <= STDERR_FILENO; fd++)
		watch(relay, fd, relay->blocked_fd == fd ? EPOLLOUT : 0, on_writable);
	watch_proxy(relay);
}

static int join(struct relay *relay)
{
	char body[512];
	int len, ret;

	if (!relay->connected)
		relay->fd = mounts_find_proxy(&relay->mounts, relay->socket_path);
	relay->connected = false;
	if (relay->fd < 0)
		return relay->fd;
	len = resume_write_connect(&relay->resume, relay->token, &relay->old, relay->written, body,
				   sizeof(body));
	ret = loop_add_fd(relay->loop, relay->fd, EPOLLIN, on_proxy, relay);
	if (ret < 0) {
		cleanup_close(&relay->fd);
		return ret;
	}
	relay->events = EPOLLIN;
	put(relay, CCPROXY_COMMAND, CCPROXY_CONNECT_SHIM, body, (size_t)len);
	return 0;
}

static void on_retry(void *arg)
{
	struct relay *relay = arg;

	relay->retrying = false;
	if (clock_now_ms() - relay->lost_ms >= relay->reconnect_ms)
		fail(relay, "lost the sandbox's proxy, the process' fate is unknown");
	else
		(void)!join(relay);
	settle(relay);
}

int relay_run(struct relay *relay, struct error *err)
{
	sigset_t mask;
	int ret;

	if (!relay->connected)
		relay->fd = -1;
	relay->blocked_fd = -1;
	relay->known = relay->resume.taken_over;
	if (!relay->resume.written)
		relay->resume.written = relay->resume.own;
	relay->err = err;
	relay->in.max = CCPROXY_PAYLOAD_MAX + 2 * READ_BYTES;
	relay->lost_ms = clock_now_ms();
	relay->retry_ms = RETRY_MS;
	signals_fill(&mask);
	ret = loop_add_signals(relay->loop, &mask, on_signal, relay);
	if (ret < 0) {
		(void)err_set(err, ret, "watch signals");
		return EXIT_PROXY_LOST;
	}
	/* A proxy that is not there yet is looked for like one that was lost. */
	(void)!join(relay);
	settle(relay);
	ret = loop_run(relay->loop);
	if (ret < 0) {
		(void)err_set(err, ret, "wait for events");
		ret = EXIT_PROXY_LOST;
	}
	cleanup_close(&relay->fd);
	strbuf_done(&relay->in);
	strbuf_done(&relay->old);
	strbuf_done(&relay->out);
	strbuf_done(&relay->resume.kept);
	return ret;
}
