#include "agent/proto/hyperstart.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

static uint32_t get_u32(const char *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return be32toh(v);
}

static uint64_t get_u64(const char *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return be64toh(v);
}

/* Header and payload go in together or not at all, so that a failed append leaves no half frame
 * behind. */
static int add_frame(struct strbuf *buf, const void *header, size_t header_len, const void *payload,
		     size_t len)
{
	char *room = strbuf_reserve(buf, header_len + len);

	if (!room)
		return strbuf_error(buf);
	memcpy(room, header, header_len);
	if (len)
		memcpy(room + header_len, payload, len);
	strbuf_grown(buf, header_len + len);
	return 0;
}

int ctl_encode(struct strbuf *buf, uint32_t code, const void *payload, size_t len)
{
	uint32_t header[2];

	if (len > CTL_FRAME_MAX - CTL_HEADER_LEN)
		return -E2BIG;
	header[0] = htobe32(code);
	header[1] = htobe32((uint32_t)len + CTL_HEADER_LEN);
	return add_frame(buf, header, sizeof(header), payload, len);
}

int tty_encode(struct strbuf *buf, uint64_t stream, const void *payload, size_t len)
{
	char header[TTY_HEADER_LEN];
	uint64_t id = htobe64(stream);
	uint32_t total;

	if (len > TTY_FRAME_MAX - TTY_HEADER_LEN)
		return -E2BIG;
	total = htobe32((uint32_t)len + TTY_HEADER_LEN);
	memcpy(header, &id, sizeof(id));
	memcpy(header + sizeof(id), &total, sizeof(total));
	return add_frame(buf, header, sizeof(header), payload, len);
}

int tty_encode_credit(struct strbuf *buf, uint64_t stream, uint32_t bytes)
{
	uint32_t value = htobe32(bytes);

	return tty_encode(buf, stream | STREAM_CREDIT_BIT, &value, sizeof(value));
}

int tty_encode_leave(struct strbuf *buf, uint64_t stdio)
{
	return tty_encode(buf, stdio | STREAM_CREDIT_BIT, NULL, 0);
}

int64_t ctl_decode(const char *data, size_t len, struct ctl_frame *frame)
{
	uint32_t total;

	if (len < CTL_HEADER_LEN)
		return 0;
	total = get_u32(data + 4);
	if (total < CTL_HEADER_LEN || total > CTL_FRAME_MAX)
		return -EBADMSG;
	if (len < total)
		return 0;
	*frame = (struct ctl_frame){
		.code = get_u32(data),
		.payload = data + CTL_HEADER_LEN,
		.len = total - CTL_HEADER_LEN,
	};
	return total;
}

int64_t tty_decode(const char *data, size_t len, struct tty_frame *frame)
{
	uint32_t total;

	if (len < TTY_HEADER_LEN)
		return 0;
	total = get_u32(data + 8);
	if (total < TTY_HEADER_LEN || total > TTY_FRAME_MAX)
		return -EBADMSG;
	if (len < total)
		return 0;
	*frame = (struct tty_frame){
		.stream = get_u64(data),
		.payload = data + TTY_HEADER_LEN,
		.len = total - TTY_HEADER_LEN,
	};
	return total;
}
