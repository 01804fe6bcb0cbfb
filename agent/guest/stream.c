#include "agent/guest/stream.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "agent/guest/channel.h"
#include "base/cleanup.h"

enum {
	CHUNK = CHANNEL_FRAME_NOW - TTY_HEADER_LEN,
	CHUNK_PLAIN = 8 << 10, /* towards a host without our extension */
	BULK_MIN = 16 << 10,   /* who says that much at a time may say more */
	BULK_PIPE = STREAM_WINDOW_MAX,
	CREDIT_STEP = STREAM_WINDOW / 4,
	IN_MAX = 2 * STREAM_WINDOW,
	LATE_MAX = 2 * BULK_PIPE, /* more than its pipes can have held when a process died */
	RESTS_MAX = 4096,	  /* ends that are not yet acknowledged */
	LINGER_MS = 100, /* how long output that others hold open is waited for after the process'
			    death */
};

static void watch_out(struct stream_out *out);
static void check_end(struct stream *st);
static void restart_linger(struct stream *st);

void stream_init(struct stream *st, struct guest *guest, uint64_t stdio, uint64_t stderr_id)
{
	*st = (struct stream){
		.guest = guest,
		.next = guest->streams,
		.stdio = stdio,
		.stderr_id = stderr_id,
		.in_fd = -1,
		.slave_fd = -1,
		.in = { .max = IN_MAX + TTY_FRAME_MAX },
		.out = { .fd = -1, .id = stdio },
		.err = { .fd = -1, .id = stderr_id },
	};
	st->out.stream = st;
	st->err.stream = st;
	guest->streams = st;
}

/* --- output --- */

/* It stays in the loop: taking it out would give the kernel something to free each time. An end
 * that is there meanwhile is told once. */
static void unwatch_out(struct stream_out *out)
{
	if (out->watched)
		(void)!loop_set_events(out->stream->guest->loop, out->fd, EPOLLET);
	out->watched = false;
}

/*
 * Each change between a process and us costs both of them more than the copying of some pages does.
 * So who says much gets a larger pipe, and is not interrupted until that is full.
 */
static void set_bulk(struct stream_out *out, bool bulk)
{
	const struct sched_param none = { 0 };
	struct guest *guest = out->stream->guest;

	if (bulk == out->bulk)
		return;
	out->bulk = bulk;
	guest->n_bulk += bulk ? 1 : -1;
	if (guest->n_bulk == bulk)
		(void)sched_setscheduler(0, bulk ? SCHED_BATCH | SCHED_RESET_ON_FORK : SCHED_OTHER,
					 &none);
	if (bulk && !out->deep)
		(void)!fcntl(out->fd, F_SETPIPE_SZ, BULK_PIPE);
	out->deep |= bulk;
}

static void end_out(struct stream_out *out)
{
	if (out->fd < 0)
		return;
	set_bulk(out, false);
	if (out->added)
		loop_remove_fd(out->stream->guest->loop, out->fd);
	out->added = out->watched = false;
	cleanup_close(&out->fd);
}

/* How much may be read now; 0 when the host or the channel must catch up first. */
static size_t may_read(struct stream_out *out)
{
	const struct stream *st = out->stream;
	uint64_t window = st->guest->out_window;
	uint64_t unacked = out->end - out->taken;
	uint64_t credit;

	if (st->left)
		return CHUNK;
	if (st->suspended || out->next < out->end || channel_is_full(st->guest->tty))
		return 0;
	if (!st->guest->flow)
		return CHUNK_PLAIN;
	/* a host that came after another may have less to offer */
	credit = window > unacked ? window - unacked : 0;
	if (out->bulk)
		return credit < window / 2 ? 0 : (size_t)credit;
	return credit < CHUNK ? (size_t)credit : CHUNK;
}

static ssize_t throw_away(int fd)
{
	static char nowhere[CHUNK];

	return read(fd, nowhere, sizeof(nowhere));
}

static ssize_t move_chunk(struct stream_out *out, size_t max)
{
	ssize_t n = kept_read(out, max);

	if (n <= 0)
		return n;
	if (max >= BULK_MIN)
		set_bulk(out, n >= BULK_MIN);
	kept_send(out);
	return n;
}

static bool is_readable(const struct stream_out *out)
{
	struct pollfd pfd = { .fd = out->fd, .events = POLLIN };

	return poll(&pfd, 1, 0) > 0;
}

static void on_linger(void *arg)
{
	struct stream *st = arg;

	st->timer = 0;
	/* output that the host keeps waiting is not lost to the clock */
	if ((st->out.fd >= 0 && !st->out.watched) || (st->err.fd >= 0 && !st->err.watched))
		return;
	if (is_readable(&st->out) || is_readable(&st->err))
		restart_linger(st);
	else
		stream_finish(st);
}

static void restart_linger(struct stream *st)
{
	if (!st->exited || st->finished)
		return;
	if (st->timer > 0)
		loop_remove_timer(st->guest->loop, st->timer);
	st->timer = loop_add_timer(st->guest->loop, LINGER_MS, on_linger, st);
}

static void on_out(void *arg, int fd, uint32_t events)
{
	struct stream_out *out = arg;
	struct stream *st = out->stream;
	size_t max = may_read(out);
	ssize_t n;

	(void)fd;
	(void)events;
	if (max == 0) {
		unwatch_out(out);
		return;
	}
	n = st->left ? throw_away(out->fd) : move_chunk(out, max);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0)
		end_out(out); /* a terminal ends with EIO */
	else
		channel_flush(st->guest->tty);
	if (n > 0 && st->exited)
		st->late += (size_t)n;
	if (n > 0)
		restart_linger(st);
	if (st->late > LATE_MAX)
		stream_finish(st); /* its own output has passed; others go on writing */
	else
		check_end(st);
}

static void watch_out(struct stream_out *out)
{
	struct stream *st = out->stream;
	int ret;

	if (out->fd < 0 || out->watched || may_read(out) == 0)
		return;
	ret = out->added ? loop_set_events(st->guest->loop, out->fd, EPOLLIN)
			 : loop_add_fd(st->guest->loop, out->fd, EPOLLIN, on_out, out);
	if (ret < 0) {
		end_out(out);
		return;
	}
	out->added = out->watched = true;
	restart_linger(st);
}

static void report_end(struct stream *st);

/* Kept bytes first, then what the process says, then its end. */
static void go_on(struct stream *st)
{
	kept_send(&st->out);
	kept_send(&st->err);
	watch_out(&st->out);
	watch_out(&st->err);
	report_end(st);
}

void streams_resume(struct guest *guest)
{
	for (struct stream *st = guest->streams; st; st = st->next)
		go_on(st);
}

/* --- the end --- */

static void check_end(struct stream *st)
{
	if (st->exited && !st->finished && st->out.fd < 0 && st->err.fd < 0)
		stream_finish(st);
}

void stream_exit(struct stream *st, int exit_code)
{
	st->exited = true;
	st->exit_code = exit_code;
	cleanup_close(&st->slave_fd);
	restart_linger(st);
	check_end(st);
}

/* Puts the end behind the output, once that is all in the channel. */
static void report_end(struct stream *st)
{
	struct strbuf *buf = &st->guest->tty->out;
	char code = (char)st->exit_code;

	if (!st->finished || st->told || st->suspended || !st->stdio ||
	    st->out.next < st->out.end || st->err.next < st->err.end)
		return;
	st->told = true;
	if (tty_encode(buf, st->stdio, NULL, 0) < 0 || tty_encode(buf, st->stdio, &code, 1) < 0)
		strbuf_clear(buf); /* out of memory: a torn frame would be worse */
}

static void free_rest(struct stream *rest)
{
	rest->guest->n_rests--;
	stream_done(rest);
	free(rest);
}

/* Beyond what any honest host leaves unacknowledged the oldest goes. */
static void limit_rests(struct guest *guest)
{
	struct stream *oldest = NULL;

	if (guest->n_rests < RESTS_MAX)
		return;
	for (struct stream *st = guest->streams; st; st = st->next)
		if (st->finished)
			oldest = st;
	if (oldest)
		free_rest(oldest);
}

/* What must outlive the process: what it said last, and how it ended. NULL: nothing. */
static struct stream *keep_rest(struct stream *st)
{
	struct stream *rest;

	if (!st->guest->resume || !st->stdio || st->left)
		return NULL;
	limit_rests(st->guest);
	rest = malloc(sizeof(*rest));
	if (!rest)
		return NULL;
	*rest = *st;
	rest->in = (struct strbuf){ 0 };
	rest->in_fd = rest->slave_fd = rest->out.fd = rest->err.fd = -1;
	rest->in_watched = rest->in_throttled = false;
	rest->out.watched = rest->err.watched = false;
	rest->out.added = rest->err.added = false;
	rest->out.bulk = rest->err.bulk = false;
	rest->out.stream = rest->err.stream = rest;
	rest->timer = 0;
	rest->on_finished = NULL;
	st->out.kept = st->err.kept = (struct kept){ 0 };
	return rest;
}

void stream_finish(struct stream *st)
{
	struct channel *tty = st->guest->tty;
	struct guest *guest = st->guest;
	struct stream *rest;

	if (st->finished)
		return;
	st->finished = true;
	rest = keep_rest(st);
	if (!st->left)
		report_end(rest ? rest : st);
	stream_done(st);
	if (rest) {
		rest->next = guest->streams;
		guest->streams = rest;
		guest->n_rests++;
	}
	channel_flush(tty);
	if (st->on_finished)
		st->on_finished(st->arg);
}

static void close_in(struct stream *st)
{
	if (st->in_watched)
		loop_remove_fd(st->guest->loop, st->in_fd);
	st->in_watched = false;
	cleanup_close(&st->in_fd);
	strbuf_done(&st->in);
}

static void unthrottle(struct stream *st)
{
	if (!st->in_throttled)
		return;
	st->in_throttled = false;
	for (struct stream *other = st->guest->streams; other; other = other->next)
		if (other->in_throttled)
			return;
	channel_pause(st->guest->tty, false);
}

void stream_done(struct stream *st)
{
	struct stream **link;

	if (!st->guest)
		return;
	link = &st->guest->streams;
	while (*link && *link != st)
		link = &(*link)->next;
	if (*link)
		*link = st->next;
	if (st->timer > 0)
		loop_remove_timer(st->guest->loop, st->timer);
	st->timer = 0;
	close_in(st);
	end_out(&st->out);
	end_out(&st->err);
	cleanup_close(&st->slave_fd);
	kept_done(&st->out);
	kept_done(&st->err);
	unthrottle(st);
}

/* --- input --- */

static void on_in(void *arg, int fd, uint32_t events);

/* Gives the host credit back in steps, and the rest when nothing is queued. */
static void give_credit(struct stream *st)
{
	if (!st->guest->flow)
		st->in_taken = 0;
	if (st->suspended || st->in_taken == 0 || (st->in_taken < CREDIT_STEP && st->in.len > 0))
		return;
	if (tty_encode_credit(&st->guest->tty->out, st->stdio, st->in_taken) < 0)
		return;
	st->in_given += st->in_taken;
	st->in_taken = 0;
	channel_flush(st->guest->tty);
}

/* Waits for room in the pipe, or stops waiting. */
static void watch_in(struct stream *st, bool wanted)
{
	struct loop *loop = st->guest->loop;

	if (wanted == st->in_watched)
		return;
	if (wanted)
		st->in_watched = loop_add_fd(loop, st->in_fd, EPOLLOUT, on_in, st) == 0;
	else
		loop_remove_fd(loop, st->in_fd);
	st->in_watched = wanted && st->in_watched;
}

static void push_in(struct stream *st)
{
	size_t done = 0;

	while (st->in_fd >= 0 && done < st->in.len) {
		ssize_t n = write(st->in_fd, st->in.data + done, st->in.len - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			break;
		/* nobody reads any more: swallow it */
		done = n < 0 ? st->in.len : done + (size_t)n;
	}
	st->in_taken += (uint32_t)done;
	strbuf_consume(&st->in, done);
	give_credit(st);
	if (st->in.len == 0 && st->in_eof && !st->terminal)
		close_in(st);
	else if (st->in_fd >= 0)
		watch_in(st, st->in.len > 0);
	if (st->in.len < STREAM_WINDOW / 2)
		unthrottle(st);
}

static void on_in(void *arg, int fd, uint32_t events)
{
	(void)fd;
	(void)events;
	push_in(arg);
}

static void take_stdin(struct stream *st, const struct tty_frame *frame)
{
	st->in_got += frame->len;
	if (frame->len == 0) {
		/* a terminal's input has no end; who wants one types ^D */
		st->in_eof = !st->terminal;
		push_in(st);
		return;
	}
	if (st->in_fd < 0 || st->in_eof || st->in.len + frame->len > IN_MAX + TTY_FRAME_MAX ||
	    strbuf_add(&st->in, frame->payload, frame->len) < 0) {
		st->in_taken += frame->len;
		give_credit(st);
		return;
	}
	push_in(st);
	if (!st->guest->flow && st->in.len >= STREAM_WINDOW) {
		st->in_throttled = true;
		channel_pause(st->guest->tty, true);
	}
}

/* The host takes leave of a process: what it still says goes nowhere. */
static void leave(struct stream *st)
{
	if (!st)
		return;
	if (st->finished) {
		free_rest(st);
		return;
	}
	st->left = true;
	st->suspended = false;
	kept_done(&st->out);
	kept_done(&st->err);
	st->out.next = st->out.end;
	st->err.next = st->err.end;
	give_credit(st);
	go_on(st);
}

static void take_credit(struct guest *guest, uint64_t id, const struct tty_frame *frame)
{
	uint32_t bytes;

	if (frame->len == 0 && guest->flow)
		leave(streams_find(guest, id));
	if (frame->len != sizeof(bytes) || !guest->flow)
		return;
	memcpy(&bytes, frame->payload, sizeof(bytes));
	for (struct stream *st = guest->streams; st; st = st->next) {
		struct stream_out *out = id == st->stdio       ? &st->out
					 : id == st->stderr_id ? &st->err
							       : NULL;

		if (!out)
			continue;
		out->taken += be32toh(bytes);
		if (out->taken > out->next)
			out->taken = out->next;
		kept_drop_taken(out);
		watch_out(out);
		return;
	}
}

struct stream *streams_find(struct guest *guest, uint64_t stdio)
{
	for (struct stream *st = guest->streams; st && stdio; st = st->next)
		if (st->stdio == stdio)
			return st;
	return NULL;
}

void streams_input(struct guest *guest, const struct tty_frame *frame)
{
	struct stream *st;

	if (frame->stream & STREAM_CREDIT_BIT) {
		take_credit(guest, frame->stream & ~STREAM_CREDIT_BIT, frame);
		return;
	}
	st = streams_find(guest, frame->stream);
	if (st && !st->finished)
		take_stdin(st, frame);
}

static void begin_anew(struct stream_out *out)
{
	out->taken = out->next = out->end;
	kept_drop_taken(out);
}

void streams_reset_credit(struct guest *guest)
{
	for (struct stream *st = guest->streams; st; st = st->next) {
		begin_anew(&st->out);
		begin_anew(&st->err);
		st->suspended = false;
		st->in_taken = 0;
	}
	streams_resume(guest);
}

void streams_suspend(struct guest *guest)
{
	for (struct stream *st = guest->streams; st; st = st->next) {
		st->suspended = !st->left;
		st->told = false;
		if (st->left)
			continue;
		unwatch_out(&st->out);
		unwatch_out(&st->err);
	}
}

int streams_continue(struct guest *guest, const struct call_resume *call,
		     struct call_resume_reply *reply, struct error *err)
{
	struct stream *st = streams_find(guest, call->stdio);
	int ret;

	if (!st || st->left)
		return err_msg(err, -ESRCH, "stream %llu does not exist",
			       (unsigned long long)call->stdio);
	if (!st->suspended)
		return err_msg(err, -EBUSY, "stream %llu is in use",
			       (unsigned long long)call->stdio);
	ret = kept_set_back(&st->out, call->out, call->out_taken, err);
	if (ret == 0)
		ret = kept_set_back(&st->err, call->err, call->err_taken, err);
	if (ret < 0)
		return ret;
	st->suspended = false;
	st->in_given += st->in_taken;
	st->in_taken = 0;
	reply->in = st->in_got;
	reply->in_taken = st->in_given;
	go_on(st);
	channel_flush(guest->tty);
	return 0;
}

/* --- opening --- */

void stream_open_pipes(struct stream *st, int in_fd, int out_fd, int err_fd)
{
	st->in_fd = in_fd;
	st->out.fd = out_fd;
	st->err.fd = err_fd;
	watch_out(&st->out);
	watch_out(&st->err);
	push_in(st);
}

void stream_open_terminal(struct stream *st, int master_fd)
{
	st->terminal = true;
	st->slave_fd = ioctl(master_fd, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	st->in_fd = fcntl(master_fd, F_DUPFD_CLOEXEC, 3); /* each direction is watched by itself */
	st->out.fd = master_fd;
	watch_out(&st->out);
	push_in(st);
}
