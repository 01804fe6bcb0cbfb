/* Both channels' decoders: whatever they accept lies inside the input and encodes to the same bytes
 * again. */
#include "agent/proto/hyperstart.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool good)
{
	if (!good)
		abort();
}

static void run_ctl(const char *data, size_t size)
{
	struct ctl_frame frame;
	int64_t used;

	while ((used = ctl_decode(data, size, &frame)) > 0) {
		auto_strbuf struct strbuf again = { 0 };

		check((uint64_t)used <= size && frame.payload + frame.len == data + used);
		check(ctl_encode(&again, frame.code, frame.payload, frame.len) == 0);
		check(again.len == (size_t)used && memcmp(again.data, data, again.len) == 0);
		data += used;
		size -= (size_t)used;
	}
}

static void run_tty(const char *data, size_t size)
{
	struct tty_frame frame;
	int64_t used;

	while ((used = tty_decode(data, size, &frame)) > 0) {
		auto_strbuf struct strbuf again = { 0 };

		check((uint64_t)used <= size && frame.payload + frame.len == data + used);
		check(tty_encode(&again, frame.stream, frame.payload, frame.len) == 0);
		check(again.len == (size_t)used && memcmp(again.data, data, again.len) == 0);
		data += used;
		size -= (size_t)used;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	run_ctl((const char *)data, size);
	run_tty((const char *)data, size);
	return 0;
}
