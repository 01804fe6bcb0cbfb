#include "agent/guest/kept.h"

#include <errno.h>

#include "agent/guest/channel.h"

enum { CHUNK = (32 << 10) - TTY_HEADER_LEN };

void kept_drop_taken(struct stream_out *out)
{
	size_t wanted = (size_t)(out->end - out->taken);

	out->kept_from = out->kept.len > wanted ? out->kept.len - wanted : 0;
	if (wanted == 0)
		strbuf_done(&out->kept);
	else if (out->kept_from >= STREAM_WINDOW)
		strbuf_consume(&out->kept, out->kept_from);
	if (wanted == 0 || out->kept_from >= STREAM_WINDOW)
		out->kept_from = 0;
}

void kept_send(struct stream_out *out)
{
	struct channel *tty = out->stream->guest->tty;

	while (!out->stream->suspended && out->next < out->end && !channel_is_full(tty)) {
		size_t behind = (size_t)(out->end - out->next);
		size_t len = behind < CHUNK ? behind : CHUNK;

		if (tty_encode(&tty->out, out->id, out->kept.data + out->kept.len - behind, len) <
		    0)
			return;
		out->next += len;
	}
}

int kept_set_back(struct stream_out *out, uint64_t received, uint64_t taken, struct error *err)
{
	uint64_t kept = out->kept.len - out->kept_from;

	if (taken > received || received > out->end || taken < out->end - kept)
		return err_msg(err, -EINVAL,
			       "stream %llu cannot go on at %llu: bytes %llu to %llu are here",
			       (unsigned long long)out->id, (unsigned long long)received,
			       (unsigned long long)(out->end - kept), (unsigned long long)out->end);
	out->next = received;
	out->taken = taken;
	kept_drop_taken(out);
	return 0;
}
