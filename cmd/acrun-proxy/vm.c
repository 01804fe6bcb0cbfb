#include "cmd/acrun-proxy/vm.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include "agent/proto/numbered.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "cmd/acrun-proxy/proxy.h"
#include "cmd/acrun-proxy/router.h"
#include "cmd/acrun-proxy/sessions.h"
#include "cmd/acrun-proxy/vm_internal.h"

enum {
	STDIN_QUEUE_MAX = 256 << 10, /* of the I/O channel */
	COMPACT_AT = 64 << 10,
	CTL_QUEUE_MAX = 2 * CTL_FRAME_MAX,
};

static void tell_figures(const struct vm *vm, const struct channel *channel)
{
	const struct link_figures *f = &channel->linked->link.figures;

	log_debug(
		"link of the %s channel: %" PRIu64 " bytes sent, %" PRIu64
		" of them again, %u times nothing heard, %u gaps told; %u frames came twice, %" PRIu64
		" bytes were no frame",
		channel == &vm->ctl ? "control" : "I/O", f->sent, f->again, f->expired, f->gaps,
		f->doubled, f->skipped);
}

static void close_channel(struct vm *vm, struct channel *channel)
{
	if (channel->linked)
		tell_figures(vm, channel);
	if (channel->fd >= 0)
		loop_remove_fd(vm->proxy->loop, channel->fd);
	cleanup_close(&channel->fd);
	strbuf_done(&channel->in);
	outq_done(&channel->out);
	if (channel->linked)
		linked_done(channel->linked);
	free(channel->linked);
	channel->linked = NULL;
}

static struct pending *unlink_pending(struct vm *vm, struct pending **link)
{
	struct pending *pending = *link;

	if (!pending)
		return NULL;
	*link = pending->next;
	if (!*link)
		vm->pending_end = link;
	if (pending->timer > 0)
		loop_remove_timer(vm->proxy->loop, pending->timer);
	return pending;
}

static struct pending *pop_pending(struct vm *vm)
{
	return unlink_pending(vm, &vm->pending);
}

/* The call with that number; 0: the oldest without one. NULL when nobody waits for it. */
static struct pending *take_pending(struct vm *vm, uint32_t number)
{
	struct pending **link = &vm->pending;

	while (*link && (*link)->number != number)
		link = &(*link)->next;
	return unlink_pending(vm, link);
}

static void end_pending(struct pending *pending, const struct error *err, const char *payload,
			size_t len)
{
	if (pending->done)
		pending->done(pending->arg, err, payload, len);
	free(pending);
}

void vm_lose(struct vm *vm, const char *why)
{
	struct pending *pending;

	if (vm->state == VM_LOST)
		return;
	vm->state = VM_LOST;
	log_info("the VM is gone: %s", why);
	(void)err_msg(&vm->reason, -ECONNRESET, "the VM is gone: %s", why);
	close_channel(vm, &vm->ctl);
	close_channel(vm, &vm->tty);
	while ((pending = pop_pending(vm)))
		end_pending(pending, &vm->reason, NULL, 0);
	if (vm->registering)
		router_registered(vm, &vm->reason);
	sessions_lose(vm->proxy);
}

static void on_deadline(void *arg)
{
	struct pending *pending = arg;
	struct proxy *proxy = pending->vm->proxy;
	const struct call_info *info = calls_find_code(pending->code);
	vm_done_fn *done = pending->done;
	struct error err = { 0 };

	pending->timer = 0;
	pending->done = NULL;
	(void)err_msg(&err, -ETIMEDOUT, "the agent did not answer '%s' within %lld s",
		      info ? info->hyper_name : "?", (long long)(proxy->waits.call_ms / 1000));
	done(pending->arg, &err, NULL, 0);
	proxy_settle(proxy);
}

static int encode_call(struct vm *vm, struct pending *pending, const struct vm_request *request)
{
	struct strbuf *out = &vm->ctl.out.buf;

	if (!vm->numbered)
		return ctl_encode(out, request->code, request->payload, request->len);
	if (++vm->last_number == 0)
		vm->last_number = 1;
	pending->number = vm->last_number;
	if (vm->once && request->key)
		return once_encode(out, request->key, pending->number, request->code,
				   request->payload, request->len);
	return numbered_encode(out, pending->number, request->code, request->payload, request->len);
}

int vm_call(struct vm *vm, const struct vm_request *request, vm_done_fn *done, void *arg,
	    struct error *err)
{
	uint32_t code = request->code;
	struct pending *pending;
	int ret;

	if (vm->state == VM_LOST) {
		if (err)
			*err = vm->reason;
		return vm->reason.code;
	}
	if (vm->state != VM_UP && code != CALL_HELLO && code != CALL_GETVERSION)
		return err_msg(err, -EAGAIN, "the VM is not ready yet");
	if (outq_len(&vm->ctl.out) > CTL_QUEUE_MAX - CTL_FRAME_MAX)
		return err_msg(err, -EAGAIN, "the agent does not take any more calls");
	pending = calloc(1, sizeof(*pending));
	if (!pending)
		return err_set(err, -ENOMEM, "call the agent");
	*pending = (struct pending){ .vm = vm, .code = code, .done = done, .arg = arg };
	ret = encode_call(vm, pending, request);
	/* A machine that is not running just now keeps its successor proxy waiting. */
	if (ret == 0 && !(vm->taken_over && code == CALL_HELLO))
		ret = pending->timer = loop_add_timer(vm->proxy->loop, vm->proxy->waits.call_ms,
						      on_deadline, pending);
	if (ret < 0) {
		free(pending);
		if (ret == -E2BIG)
			return err_msg(err, ret, "message too long %zu", request->len);
		return err_set(err, ret, "call the agent");
	}
	*vm->pending_end = pending;
	vm->pending_end = &pending->next;
	return 0;
}

static void be_up(struct vm *vm, enum dialect dialect)
{
	vm->dialect = dialect;
	vm->extension = dialect == DIALECT_ACRUN;
	vm->resume = vm->resume && vm->proxy->journal.fd >= 0;
	if (!vm->resume)
		journal_drop(&vm->proxy->journal);
	vm->state = VM_UP;
	log_debug("the agent is ready and speaks %s", dialect_name(dialect));
	if (vm->registering)
		router_registered(vm, NULL);
}

static void on_version(void *arg, const struct error *err, const char *payload, size_t len)
{
	struct vm *vm = arg;

	if (!err || err->code == -EREMOTEIO)
		be_up(vm, dialect_of_answer(err != NULL, payload, len));
	else if (vm->registering)
		router_registered(vm, err);
}

/* An agent that does not know our greeting is one of the originals: which one? */
static void ask_version(struct vm *vm)
{
	const struct vm_request request = { .code = CALL_GETVERSION };

	if (vm_call(vm, &request, on_version, vm, NULL) < 0)
		vm_lose(vm, "no memory to ask for its agent's version");
}

static void on_hello(void *arg, const struct error *err, const char *payload, size_t len)
{
	struct vm *vm = arg;
	auto_arena struct arena arena = { 0 };
	struct call_hello_reply reply;
	struct error bad = { 0 };

	if (err && err->code != -EREMOTEIO) {
		if (vm->registering)
			router_registered(vm, err);
		return;
	}
	if ((err && vm->taken_over) || (!err && json_decode(&call_hello_reply_type, payload, len,
							    NULL, &arena, &reply, &bad) < 0)) {
		vm_lose(vm, "its agent's greeting cannot be read");
		return;
	}
	if (err || reply.version < 1) {
		ask_version(vm);
		return;
	}
	for (size_t i = 0; i < reply.features.len; i++) {
		vm->flow |= strcmp(reply.features.items[i], "flow") == 0;
		vm->numbered |= strcmp(reply.features.items[i], "numbered") == 0;
		vm->once |= strcmp(reply.features.items[i], "once") == 0;
		vm->resume |= strcmp(reply.features.items[i], "resume") == 0;
	}
	vm->window = reply.window ? reply.window : STREAM_WINDOW;
	if (vm->window < STREAM_WINDOW || vm->window > STREAM_WINDOW_MAX)
		vm_lose(vm, "its agent's window is not what was offered");
	else
		be_up(vm, DIALECT_ACRUN);
}

/* The guest has not yet heard that the channel is ours. */
static bool is_opening(const struct channel *channel)
{
	return channel->linked ? !linked_is_open(channel->linked) : channel->resetting;
}

static void greet(struct vm *vm)
{
	auto_strbuf struct strbuf json = { 0 };
	struct vm_request request = { .code = CALL_HELLO };
	struct call_hello hello = { .version = 1, .window = STREAM_WINDOW_MAX };
	char key[RESET_HEX_LEN + 1];

	vm->ready = true;
	if (vm->state != VM_BOOTING) {
		log_debug("one more READY from the agent");
		return;
	}
	/* Both channels have to be ours before anything is asked. */
	if (is_opening(&vm->ctl) || is_opening(&vm->tty))
		return;
	vm->state = VM_GREETING;
	reset_format_key(vm->key, key);
	if (vm->proxy->journal.fd >= 0)
		hello.key = key;
	if (json_encode(&call_hello_type, &hello, 0, &json) == 0) {
		request.payload = strbuf_str(&json);
		request.len = json.len;
	}
	if (!request.payload || vm_call(vm, &request, on_hello, vm, NULL) < 0)
		vm_lose(vm, "no memory to greet its agent");
}

static void take_answer(struct vm *vm, uint32_t number, const struct ctl_frame *frame)
{
	struct pending *pending = take_pending(vm, number);
	struct error err = { 0 };

	if (!pending) {
		log_debug("an answer of the agent that nobody asked for");
		return;
	}
	if (frame->code == CALL_ACK) {
		end_pending(pending, NULL, frame->payload, frame->len);
		return;
	}
	(void)err_msg(&err, -EREMOTEIO, "ERROR received from VM agent, control msg received : %.*s",
		      (int)strnlen(frame->payload, frame->len), frame->payload);
	end_pending(pending, &err, NULL, 0);
}

/* Returns -EBADMSG when it is no answer. */
static int take_numbered(struct vm *vm, const struct ctl_frame *frame)
{
	struct ctl_frame inner;
	uint32_t number;

	if (!vm->numbered || numbered_decode(frame, &number, &inner) < 0 || number == 0 ||
	    (inner.code != CALL_ACK && inner.code != CALL_ERROR))
		return -EBADMSG;
	take_answer(vm, number, &inner);
	return 0;
}

static int take_ctl_frame(struct vm *vm, const struct ctl_frame *frame)
{
	switch (frame->code) {
	case CALL_ACK:
	case CALL_ERROR:
		take_answer(vm, 0, frame);
		break;
	case CALL_READY:
		greet(vm);
		break;
	case CALL_NEXT:
		break;
	default:
		if (frame->code == CTL_NUMBERED)
			return take_numbered(vm, frame);
		dialect_take_event(vm->proxy, frame);
		break;
	}
	return 0;
}

/* Throws away what comes before the answer to RESET. False while that has not come. */
static bool has_begun(struct vm *vm, struct channel *channel)
{
	struct strbuf *in = &channel->in;
	size_t old;

	if (!channel->resetting)
		return true;
	old = reset_find_ack(strbuf_str(in), in->len, channel->nonce);
	if (old == 0) {
		if (in->len >= RESET_ACK_LEN)
			strbuf_consume(in, in->len - (RESET_ACK_LEN - 1));
		return false;
	}
	strbuf_consume(in, old);
	channel->resetting = false;
	if (vm->ready)
		greet(vm);
	return true;
}

/* Takes the whole frames out of channel->in. */
static void take_frames(struct vm *vm, struct channel *channel)
{
	size_t used = 0;
	int64_t n = 0;

	if (!has_begun(vm, channel))
		return;
	while (vm->state != VM_LOST) {
		const char *data = strbuf_str(&channel->in) + used;
		size_t len = channel->in.len - used;
		struct ctl_frame ctl;
		struct tty_frame tty;

		n = channel == &vm->ctl ? ctl_decode(data, len, &ctl) : tty_decode(data, len, &tty);
		if (n <= 0)
			break;
		used += (size_t)n;
		if (channel == &vm->ctl)
			n = take_ctl_frame(vm, &ctl);
		else if (sessions_take_frame(vm->proxy, &tty) < 0)
			n = -EBADMSG;
		if (n < 0)
			break;
	}
	if (vm->state == VM_LOST)
		return;
	if (n < 0) {
		log_error("the guest: malformed frame, or more than its credit, on its %s channel",
			  channel == &vm->ctl ? "control" : "I/O");
		vm_lose(vm, "its agent broke the protocol");
		return;
	}
	if (used == channel->in.len)
		outq_shrink(&channel->in);
	else
		strbuf_consume(&channel->in, used);
}

/* What the socket gave is the link's; what that has in order goes to channel->in. */
static int take_linked(struct vm *vm, struct channel *channel, const void *data, size_t len)
{
	bool was_opening = is_opening(channel);

	linked_receive(channel->linked, data, len);
	if (channel->linked->link.restarted) {
		vm_lose(vm, "its guest has started anew");
		return -ECONNRESET;
	}
	if (was_opening && !is_opening(channel) && vm->ready)
		greet(vm);
	if (vm->state == VM_LOST || linked_take(channel->linked, &channel->in) < 0)
		return -ENOMEM;
	return 0;
}

/* Reads once and takes the frames; what recv() said. */
static ssize_t receive(struct vm *vm, struct channel *channel)
{
	char data[VM_READ_BYTES];
	char *room = channel->linked ? data : strbuf_reserve(&channel->in, VM_READ_BYTES);
	ssize_t n = room ? recv(channel->fd, room, VM_READ_BYTES, MSG_DONTWAIT) : 0;

	if (n <= 0)
		return n;
	if (!channel->linked)
		strbuf_grown(&channel->in, (size_t)n);
	else if (take_linked(vm, channel, data, (size_t)n) < 0)
		return vm->state == VM_LOST ? n : 0;
	take_frames(vm, channel);
	sessions_flush(vm->proxy);
	return n;
}

/* What the guest said last on the I/O channel still counts when the control channel ends first. */
static void take_last_words(struct vm *vm)
{
	ssize_t n = 1;

	while (vm->state != VM_LOST && n > 0 && !sessions_are_full(vm->proxy))
		n = receive(vm, &vm->tty);
}

static void end_channel(struct vm *vm, struct channel *channel)
{
	if (channel == &vm->ctl)
		take_last_words(vm);
	vm_lose(vm, channel == &vm->ctl ? "its control channel was closed"
					: "its I/O channel was closed");
}

void vm_on_channel(void *arg, int fd, uint32_t events)
{
	struct vm *vm = arg;
	struct channel *channel = fd == vm->ctl.fd ? &vm->ctl : &vm->tty;

	if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) && (channel == &vm->ctl || !vm->paused)) {
		ssize_t n = receive(vm, channel);

		if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
			end_channel(vm, channel);
	} else if (events & (EPOLLHUP | EPOLLERR)) {
		end_channel(vm, channel);
	}
	proxy_settle(vm->proxy);
}

/* As outq_flush(), through the link. */
static int flush_link(struct channel *channel)
{
	struct outq *out = &channel->out;
	int ret = linked_flush(channel->linked, channel->fd, &out->buf, &out->sent);

	if (outq_len(out) == 0) {
		out->sent = 0;
		outq_shrink(&out->buf);
	} else if (out->sent >= COMPACT_AT) {
		strbuf_consume(&out->buf, out->sent);
		out->sent = 0;
	}
	return ret;
}

static int flush_channel(struct vm *vm, struct channel *channel, bool reading)
{
	uint32_t events = reading ? EPOLLIN : 0;
	int ret = strbuf_error(&channel->out.buf);

	if (ret == 0)
		ret = channel->linked ? flush_link(channel)
				      : outq_flush(&channel->out, channel->fd);
	if (ret < 0)
		return ret;
	if (ret == 0)
		events |= EPOLLOUT;
	if (events == channel->events)
		return 0;
	channel->events = events;
	return loop_set_events(vm->proxy->loop, channel->fd, events);
}

void vm_update(struct vm *vm)
{
	if (vm->state == VM_LOST)
		return;
	vm->paused = !vm->flow && sessions_are_full(vm->proxy);
	if (flush_channel(vm, &vm->ctl, true) < 0)
		vm_lose(vm, "its control channel broke");
	else if (flush_channel(vm, &vm->tty, !vm->paused) < 0)
		vm_lose(vm, "its I/O channel broke");
}

bool vm_has_room(const struct vm *vm)
{
	return vm->state == VM_UP && outq_len(&vm->tty.out) < STDIN_QUEUE_MAX;
}

void vm_send_stdin(struct vm *vm, uint64_t stream, const char *data, size_t len)
{
	size_t max = dialect_stdin_max(vm->dialect);

	/* A failed append stays in the buffer's error and loses the VM at the next flush. */
	while (len > max) {
		(void)!tty_encode(&vm->tty.out.buf, stream, data, max);
		data += max;
		len -= max;
	}
	(void)!tty_encode(&vm->tty.out.buf, stream, data, len);
}

void vm_send_credit(struct vm *vm, uint64_t stream, uint32_t bytes)
{
	if (vm->state == VM_UP)
		(void)!tty_encode_credit(&vm->tty.out.buf, stream, bytes);
}

void vm_send_leave(struct vm *vm, uint64_t stdio)
{
	if (vm->state == VM_UP && vm->resume)
		(void)!tty_encode_leave(&vm->tty.out.buf, stdio);
}

bool vm_is_joining(const struct vm *vm)
{
	return vm->taken_over && vm->state != VM_UP && vm->state != VM_LOST;
}

void vm_free(struct vm *vm)
{
	struct pending *pending;

	if (!vm)
		return;
	close_channel(vm, &vm->ctl);
	close_channel(vm, &vm->tty);
	console_stop(&vm->console);
	while ((pending = pop_pending(vm))) {
		struct error gone = { .code = -ECANCELED, .text = "the proxy ends" };

		end_pending(pending, &gone, NULL, 0);
	}
	free(vm);
}
