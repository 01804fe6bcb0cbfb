#include "tests/bench/frames.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>
#include "base/fs.h"
#include "base/sock.h"

enum { READ_BYTES = 64 << 10 };

static const char zeros[TTY_FRAME_MAX - TTY_HEADER_LEN];

static int receive(int fd, struct strbuf *in, struct error *err)
{
	int ret = sock_wait_readable(fd, RIG_TIMEOUT_MS);
	char *room;
	ssize_t n;

	if (ret <= 0)
		return err_set(err, ret < 0 ? ret : -ETIMEDOUT, "wait for the guest");
	room = strbuf_reserve(in, READ_BYTES);
	if (!room)
		return err_set(err, strbuf_error(in), "read from the guest");
	n = read(fd, room, READ_BYTES);
	if (n <= 0)
		return err_msg(err, -ECONNRESET, "the machine ended");
	strbuf_grown(in, (size_t)n);
	return 0;
}

int frames_expect(struct bench_vm *vm, uint32_t code, struct error *err)
{
	for (;;) {
		struct ctl_frame frame;
		int64_t used = ctl_decode(strbuf_str(&vm->ctl_in), vm->ctl_in.len, &frame);
		int ret = 0;

		if (used < 0)
			return err_set(err, (int)used, "frame from the guest");
		if (used == 0)
			ret = receive(vm->ctl, &vm->ctl_in, err);
		else if (frame.code == CALL_ERROR)
			ret = err_msg(err, -EREMOTEIO, "the guest says: %.*s", (int)frame.len,
				      frame.payload);
		else if (frame.code != code && frame.code != CALL_NEXT && frame.code != CALL_READY)
			ret = err_msg(err, -EPROTO, "the guest sent code %u", frame.code);
		if (ret < 0)
			return ret;
		strbuf_consume(&vm->ctl_in, (size_t)used);
		if (used > 0 && frame.code == code)
			return 0;
	}
}

int vm_call(struct bench_vm *vm, enum call_code code, const struct json_type *type,
	    const void *body, struct error *err)
{
	const struct call_info *info = calls_find_code(code);
	auto_strbuf struct strbuf json = { 0 };
	auto_strbuf struct strbuf frame = { 0 };
	int ret = json_encode(type, body, 0, &json);

	if (ret == 0)
		ret = ctl_encode(&frame, code, json.data, json.len);
	if (ret == 0)
		ret = fs_write_all(vm->ctl, frame.data, frame.len);
	if (ret < 0)
		return err_set(err, ret, "call '%s'", info->hyper_name);
	ret = frames_expect(vm, CALL_ACK, err);
	return ret < 0 ? err_ctx(err, "call '%s'", info->hyper_name) : 0;
}

static int give_credit(struct bench_vm *vm, uint64_t stream, uint32_t bytes, struct error *err)
{
	auto_strbuf struct strbuf frame = { 0 };
	int ret = tty_encode_credit(&frame, stream, bytes);

	if (ret == 0)
		ret = fs_write_all(vm->tty, frame.data, frame.len);
	return ret < 0 ? err_set(err, ret, "give credit to the guest") : 0;
}

/* What is looked for among the frames of the I/O channel. */
struct tty_wait {
	uint64_t stdio;
	vm_output_fn *output;
	void *arg;
	bool eof; /* the next frame of one byte is the exit code */
	bool had_output, ended;
	int code;
	uint64_t credit;     /* given by the guest for stdin */
	uint64_t uncredited; /* output bytes not given back yet */
};

static int take_frame(struct bench_vm *vm, const struct tty_frame *frame, struct tty_wait *wait,
		      struct error *err)
{
	if (frame->stream == (wait->stdio | STREAM_CREDIT_BIT) && frame->len == 4) {
		const unsigned char *byte = (const unsigned char *)frame->payload;

		wait->credit += (uint32_t)byte[0] << 24 | (uint32_t)byte[1] << 16 |
				(uint32_t)byte[2] << 8 | byte[3];
		return 0;
	}
	if (frame->stream != wait->stdio)
		return 0;
	if (wait->eof && frame->len == 1) {
		wait->code = (unsigned char)frame->payload[0];
		wait->ended = true;
		return 0;
	}
	wait->eof |= frame->len == 0;
	if (frame->len == 0)
		return 0;
	wait->had_output = true;
	if (wait->output)
		wait->output(wait->arg, frame->len);
	wait->uncredited += frame->len;
	if (wait->uncredited < STREAM_WINDOW_MAX / 4)
		return 0;
	wait->uncredited -= STREAM_WINDOW_MAX / 4;
	return give_credit(vm, wait->stdio, STREAM_WINDOW_MAX / 4, err);
}

/* Takes what is there; waits for more when that is no whole frame. */
static int take_frames(struct bench_vm *vm, struct tty_wait *wait, struct error *err)
{
	size_t used = 0;
	int ret = 0;

	while (ret == 0 && !wait->ended) {
		struct tty_frame frame;
		int64_t n =
			tty_decode(strbuf_str(&vm->tty_in) + used, vm->tty_in.len - used, &frame);

		if (n < 0)
			return err_set(err, (int)n, "frame from the guest");
		if (n == 0)
			break;
		used += (size_t)n;
		ret = take_frame(vm, &frame, wait, err);
	}
	strbuf_consume(&vm->tty_in, used);
	if (ret == 0 && used == 0)
		ret = receive(vm->tty, &vm->tty_in, err);
	return ret;
}

int vm_wait_exit(struct bench_vm *vm, uint64_t stdio, vm_output_fn *output, void *arg,
		 struct error *err)
{
	struct tty_wait wait = { .stdio = stdio, .output = output, .arg = arg };
	int ret = 0;

	while (ret == 0 && !wait.ended)
		ret = take_frames(vm, &wait, err);
	if (ret == 0 && wait.code != 0)
		return err_msg(err, -EIO, "the guest's process ended with exit code %d", wait.code);
	return ret;
}

int vm_wait_output(struct bench_vm *vm, uint64_t stdio, struct error *err)
{
	struct tty_wait wait = { .stdio = stdio };
	int ret = 0;

	while (ret == 0 && !wait.had_output) {
		if (wait.ended)
			return err_msg(err, -EIO, "the guest's process ended without output");
		ret = take_frames(vm, &wait, err);
	}
	return ret;
}

int vm_feed(struct bench_vm *vm, uint64_t stdio, uint64_t bytes, struct error *err)
{
	struct tty_wait wait = { .stdio = stdio, .credit = STREAM_WINDOW };
	auto_strbuf struct strbuf frame = { 0 };
	int ret = 0;

	while (ret == 0 && bytes > 0) {
		size_t len = bytes < sizeof(zeros) ? bytes : sizeof(zeros);

		if (wait.credit < len) {
			ret = take_frames(vm, &wait, err);
			continue;
		}
		strbuf_clear(&frame);
		ret = tty_encode(&frame, stdio, zeros, len);
		if (ret == 0)
			ret = fs_write_all(vm->tty, frame.data, frame.len);
		if (ret < 0)
			return err_set(err, ret, "write to the guest");
		bytes -= len;
		wait.credit -= len;
	}
	strbuf_clear(&frame);
	if (ret == 0)
		ret = tty_encode(&frame, stdio, NULL, 0);
	if (ret == 0)
		ret = fs_write_all(vm->tty, frame.data, frame.len);
	return ret < 0 ? err_ctx(err, "feed the guest") : 0;
}
