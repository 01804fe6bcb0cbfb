#include "runtime/factory/guest_link.h"

#include <errno.h>
#include <unistd.h>
#include "agent/proto/hyperstart.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/sock.h"

/* How long the guest gets to see that its host has left. Nothing tells that it has. */
enum { LEAVE_MS = 100, READ_LEN = 16384, EXIT_FRAME_LEN = 1 };

static int receive(const struct guest_link *link, int fd, struct strbuf *buf, struct error *err)
{
	int64_t left = link->deadline_ms - clock_now_ms();
	int ret = left > 0 ? sock_wait_readable(fd, (int)left) : 0;
	char *room;
	ssize_t n;

	if (ret == 0)
		return err_msg(err, -ETIMEDOUT, "the guest did not answer in time");
	if (ret < 0)
		return err_set(err, ret, "wait for the guest");
	room = strbuf_reserve(buf, READ_LEN);
	if (!room)
		return err_set(err, strbuf_error(buf), "read from the guest");
	n = read(fd, room, READ_LEN);
	if (n < 0 && errno == EINTR)
		return 0;
	if (n <= 0)
		return err_msg(err, -ECONNRESET, "the virtual machine ended");
	strbuf_grown(buf, (size_t)n);
	return 0;
}

/* Waits for the next frame that is no NEXT: its code, and the text of an ERROR. */
static int receive_code(struct guest_link *link, uint32_t *code, struct error *err)
{
	for (;;) {
		struct ctl_frame frame;
		int64_t used = ctl_decode(strbuf_str(&link->ctl), link->ctl.len, &frame);
		int ret = 0;

		if (used < 0)
			return err_set(err, (int)used, "frame from the guest");
		if (used == 0)
			ret = receive(link, link->ctl_fd, &link->ctl, err);
		else if (frame.code == CALL_ERROR)
			ret = err_msg(err, -EREMOTEIO, "%.*s", (int)frame.len, frame.payload);
		if (ret < 0)
			return ret;
		*code = frame.code;
		strbuf_consume(&link->ctl, (size_t)used);
		if (used > 0 && *code != CALL_NEXT)
			return 0;
	}
}

static int expect(struct guest_link *link, uint32_t wanted, struct error *err)
{
	uint32_t code = 0;
	int ret = receive_code(link, &code, err);

	if (ret == 0 && code != wanted)
		return err_msg(err, -EPROTO, "the guest sent code %u instead of %u", code, wanted);
	return ret;
}

int guest_link_open(struct guest_link *link, const struct machine *machine, int64_t deadline_ms,
		    struct error *err)
{
	link->deadline_ms = deadline_ms;
	link->ctl_fd = sock_connect_at(machine->dir_fd, MACHINE_CTL_SOCKET);
	link->tty_fd = sock_connect_at(machine->dir_fd, MACHINE_TTY_SOCKET);
	if (link->ctl_fd < 0 || link->tty_fd < 0)
		return err_set(err, link->ctl_fd < 0 ? link->ctl_fd : link->tty_fd,
			       "connect to the guest's channels");
	return expect(link, CALL_READY, err);
}

int guest_link_call(struct guest_link *link, enum call_code code, const struct json_type *type,
		    const void *body, struct error *err)
{
	auto_strbuf struct strbuf json = { 0 };
	auto_strbuf struct strbuf frame = { 0 };
	int ret = type ? json_encode(type, body, 0, &json) : 0;

	if (ret == 0)
		ret = ctl_encode(&frame, code, json.data, json.len);
	if (ret == 0)
		ret = fs_write_all(link->ctl_fd, frame.data, frame.len);
	if (ret < 0)
		return err_set(err, ret, "send '%s' to the guest",
			       calls_find_code(code)->hyper_name);
	ret = expect(link, CALL_ACK, err);
	return ret < 0 ? err_ctx(err, "%s", calls_find_code(code)->hyper_name) : 0;
}

int guest_link_wait_exit(struct guest_link *link, uint64_t stdio, int *code, struct error *err)
{
	bool ended = false;

	for (;;) {
		struct tty_frame frame;
		int64_t used = tty_decode(strbuf_str(&link->tty), link->tty.len, &frame);
		bool is_exit = false;
		int ret = 0;

		if (used < 0)
			return err_set(err, (int)used, "frame from the guest");
		if (used == 0) {
			ret = receive(link, link->tty_fd, &link->tty, err);
			if (ret < 0)
				return ret;
			continue;
		}
		if (frame.stream == stdio) {
			is_exit = ended && frame.len == EXIT_FRAME_LEN;
			ended = ended || frame.len == 0;
		}
		if (is_exit)
			*code = (unsigned char)frame.payload[0];
		strbuf_consume(&link->tty, (size_t)used);
		if (is_exit)
			return 0;
	}
}

void guest_link_leave(struct guest_link *link)
{
	cleanup_close(&link->ctl_fd);
	(void)!sock_wait_readable(link->tty_fd, LEAVE_MS);
	guest_link_done(link);
}

void guest_link_done(struct guest_link *link)
{
	cleanup_close(&link->ctl_fd);
	cleanup_close(&link->tty_fd);
	strbuf_done(&link->ctl);
	strbuf_done(&link->tty);
}
