#include "agent/proto/numbered.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

int numbered_encode(struct strbuf *buf, uint32_t number, uint32_t code, const void *payload,
		    size_t len)
{
	uint32_t header[4] = { htobe32(CTL_NUMBERED), 0, htobe32(number), htobe32(code) };
	char *room;

	if (len > CTL_FRAME_MAX - CTL_HEADER_LEN - NUMBERED_HEADER_LEN)
		return -E2BIG;
	header[1] = htobe32((uint32_t)(sizeof(header) + len));
	/* all of it or nothing: no half frame is left behind */
	room = strbuf_reserve(buf, sizeof(header) + len);
	if (!room)
		return strbuf_error(buf);
	memcpy(room, header, sizeof(header));
	if (len)
		memcpy(room + sizeof(header), payload, len);
	strbuf_grown(buf, sizeof(header) + len);
	return 0;
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
