#include "agent/proto/ccproxy.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

enum {
	HEADER_WORDS = CCPROXY_HEADER_LEN / 4,
	TYPE_MASK = 0x0f,
	ERROR_FLAG = 0x10,
};

/* How many opcodes each type has. */
static const unsigned opcode_counts[] = {
	[CCPROXY_COMMAND] = CCPROXY_SIGNAL + 1,
	[CCPROXY_RESPONSE] = CCPROXY_SIGNAL + 1,
	[CCPROXY_STREAM] = CCPROXY_LOG + 1,
	[CCPROXY_NOTIFICATION] = CCPROXY_OUTPUT_CREDIT + 1,
};

int ccproxy_encode(struct strbuf *buf, enum ccproxy_type type, unsigned opcode, bool error,
		   const void *payload, size_t len)
{
	unsigned char header[CCPROXY_HEADER_LEN] = { 0, CCPROXY_VERSION, HEADER_WORDS };
	uint32_t payload_len;
	char *room;

	if (len > CCPROXY_PAYLOAD_MAX)
		return -E2BIG;
	header[6] = (unsigned char)((unsigned)type | (error ? ERROR_FLAG : 0));
	header[7] = (unsigned char)opcode;
	payload_len = htobe32((uint32_t)len);
	memcpy(header + 8, &payload_len, sizeof(payload_len));
	room = strbuf_reserve(buf, sizeof(header) + len);
	if (!room)
		return strbuf_error(buf);
	memcpy(room, header, sizeof(header));
	if (len)
		memcpy(room + sizeof(header), payload, len);
	strbuf_grown(buf, sizeof(header) + len);
	return 0;
}

int64_t ccproxy_decode(const char *data, size_t len, struct ccproxy_frame *frame)
{
	const unsigned char *h = (const unsigned char *)data;
	size_t header_len;
	uint32_t payload_len;
	unsigned type;

	if (len < CCPROXY_HEADER_LEN)
		return 0;
	header_len = (size_t)h[2] * 4;
	type = h[6] & TYPE_MASK;
	if (h[0] != 0 || h[1] != CCPROXY_VERSION || header_len < CCPROXY_HEADER_LEN)
		return -EBADMSG;
	if (type > CCPROXY_NOTIFICATION || h[7] >= opcode_counts[type])
		return -EBADMSG;
	memcpy(&payload_len, data + 8, sizeof(payload_len));
	payload_len = be32toh(payload_len);
	*frame = (struct ccproxy_frame){
		.type = (enum ccproxy_type)type,
		.opcode = h[7],
		.error = type == CCPROXY_RESPONSE && (h[6] & ERROR_FLAG),
		.len = payload_len,
	};
	if (payload_len > CCPROXY_PAYLOAD_MAX)
		return -EMSGSIZE;
	if (len < header_len + payload_len)
		return 0;
	frame->payload = data + header_len;
	return (int64_t)(header_len + payload_len);
}

uint64_t ccproxy_frame_len(const char *data)
{
	uint32_t payload_len;

	memcpy(&payload_len, data + 8, sizeof(payload_len));
	return (uint64_t)(unsigned char)data[2] * 4 + be32toh(payload_len);
}
