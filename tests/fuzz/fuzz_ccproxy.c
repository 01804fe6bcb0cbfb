/* The proxy protocol's decoder: whatever it accepts lies inside the input, and our own form of it
 * decodes to the same. */
#include "agent/proto/ccproxy.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool good)
{
	if (!good)
		abort();
}

static void check_again(const struct ccproxy_frame *frame)
{
	auto_strbuf struct strbuf buf = { 0 };
	struct ccproxy_frame again;

	check(ccproxy_encode(&buf, frame->type, frame->opcode, frame->error, frame->payload,
			     frame->len) == 0);
	check(ccproxy_decode(buf.data, buf.len, &again) == (int64_t)buf.len);
	check(again.type == frame->type && again.opcode == frame->opcode &&
	      again.error == frame->error);
	check(again.len == frame->len && memcmp(again.payload, frame->payload, again.len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	const char *data = (const char *)bytes;
	struct ccproxy_frame frame;
	int64_t used;

	while ((used = ccproxy_decode(data, size, &frame)) > 0) {
		check((uint64_t)used <= size && frame.payload + frame.len == data + used);
		check(ccproxy_frame_len(data) == (uint64_t)used);
		check_again(&frame);
		data += used;
		size -= (size_t)used;
	}
	return 0;
}
