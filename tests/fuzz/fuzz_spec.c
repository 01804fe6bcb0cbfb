/* config.json: whatever the bytes are, decoding, checking and encoding end in order, and what was
 * encoded decodes to the same. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include "base/strbuf.h"
#include "oci/spec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const struct json_limits limits = { .max_depth = OCI_SPEC_DEPTH, .max_bytes = 1 << 20 };
	auto_arena struct arena arena = { .max_bytes = 64 << 20 };
	auto_strbuf struct strbuf first = { 0 };
	auto_strbuf struct strbuf second = { 0 };
	struct oci_spec spec;
	struct error err = { 0 };

	if (json_decode(&oci_spec_type, (const char *)data, len, &limits, &arena, &spec, &err) <
	    0) {
		assert(err.code < 0 && err.text[0]);
		return 0;
	}
	if (oci_spec_check(&spec, &err) < 0)
		assert(err.text[0] && !strchr(err.text, '\n'));
	if (json_encode(&oci_spec_type, &spec, 0, &first) < 0)
		return 0;
	assert(json_decode(&oci_spec_type, strbuf_str(&first), first.len, &limits, &arena, &spec,
			   &err) == 0);
	assert(json_encode(&oci_spec_type, &spec, 0, &second) == 0);
	assert(first.len == second.len && memcmp(first.data, second.data, first.len) == 0);
	return 0;
}
