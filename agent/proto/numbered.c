#include "agent/proto/numbered.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

/* Whole frame: the header is completed with the length. */
static int encode(struct strbuf *buf, uint32_t *header, size_t header_len, const void *payload,
		  size_t len)
{
	char *room;

	if (len > CTL_FRAME_MAX - header_len)
		return -E2BIG;
	header[1] = htobe32((uint32_t)(header_len + len));
	/* all of it or nothing: no half frame is left behind */
	room = strbuf_reserve(buf, header_len + len);
	if (!room)
		return strbuf_error(buf);
	memcpy(room, header, header_len);
	if (len)
		memcpy(room + header_len, payload, len);
	strbuf_grown(buf, header_len + len);
	return 0;
}

int numbered_encode(struct strbuf *buf, uint32_t number, uint32_t code, const void *payload,
		    size_t len)
{
	uint32_t header[4] = { htobe32(CTL_NUMBERED), 0, htobe32(number), htobe32(code) };

	return encode(buf, header, sizeof(header), payload, len);
}

int once_encode(struct strbuf *buf, uint64_t key, uint32_t number, uint32_t code,
		const void *payload, size_t len)
{
	uint32_t header[6] = { htobe32(CTL_ONCE),
			       0,
			       htobe32((uint32_t)(key >> 32)),
			       htobe32((uint32_t)key),
			       htobe32(number),
			       htobe32(code) };

	return encode(buf, header, sizeof(header), payload, len);
}

int once_decode(const struct ctl_frame *frame, uint64_t *key, uint32_t *number,
		struct ctl_frame *inner)
{
	uint32_t header[4];

	if (frame->len < ONCE_HEADER_LEN)
		return -EBADMSG;
	memcpy(header, frame->payload, sizeof(header));
	*key = (uint64_t)be32toh(header[0]) << 32 | be32toh(header[1]);
	*number = be32toh(header[2]);
	*inner = (struct ctl_frame){ .code = be32toh(header[3]),
				     .payload = frame->payload + ONCE_HEADER_LEN,
				     .len = frame->len - ONCE_HEADER_LEN };
	return *key == 0 || *number == 0 ? -EBADMSG : 0;
}

int numbered_decode(const struct ctl_frame *frame, uint32_t *number, struct ctl_frame *inner)
{
	uint32_t header[2];

	if (frame->len < NUMBERED_HEADER_LEN)
		return -EBADMSG;
	memcpy(header, frame->payload, sizeof(header));
	*number = be32toh(header[0]);
	*inner = (struct ctl_frame){ .code = be32toh(header[1]),
				     .payload = frame->payload + NUMBERED_HEADER_LEN,
				     .len = frame->len - NUMBERED_HEADER_LEN };
	return 0;
}
