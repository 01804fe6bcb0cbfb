/*
 * The bodies of the agent's calls and answers. The first byte says which; the rest is refused with
 * a text, or decodes to what encodes to a fixed point.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "agent/proto/calls.h"
#include "agent/proto/calls_control.h"
#include "agent/proto/calls_net.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ARENA_MAX = 64 << 20, STRUCT_MAX = 4096 };

/* Both directions. New ones go to the end: the corpus counts. */
static const struct json_type *const types[] = {
	&call_hello_type,
	&call_hello_reply_type,
	&call_startpod_type,
	&call_interface_type,
	&call_setuproute_type,
	&call_newcontainer_type,
	&call_execcmd_type,
	&call_createcontainer_type,
	&call_createcontainer_reply_type,
	&call_execprocess_type,
	&call_container_type,
	&call_killcontainer_type,
	&call_signalprocess_type,
	&call_winsize_type,
	&call_pscontainer_type,
	&call_onlinecpumem_type,
	&call_reseed_type,
	&call_settime_type,
	&call_updatecontainer_type,
	&call_stats_type,
	&call_waitevents_type,
	&call_waitevents_reply_type,
	&call_waitprocess_type,
	&call_waitprocess_reply_type,
	&call_copyfile_type,
	&call_file_type,
	&call_update_interface_type,
	&call_update_routes_type,
	&call_update_neighbours_type,
	&call_set_dns_type,
	&call_set_dns_reply_type,
};
enum { N_TYPES = sizeof(types) / sizeof(types[0]) };

static void check(bool good)
{
	if (!good)
		abort();
}

/* Returns false when the text is refused. */
static bool recode(const struct json_type *type, const char *text, size_t len, struct strbuf *out)
{
	auto_arena struct arena arena = { .max_bytes = ARENA_MAX };
	_Alignas(max_align_t) char body[STRUCT_MAX];
	struct error err = { 0 };

	check(type->size <= sizeof(body));
	if (json_decode(type, text, len, NULL, &arena, body, &err) < 0) {
		check(err.code < 0 && err.text[0] != '\0');
		return false;
	}
	check(json_encode(type, body, 0, out) == 0);
	return true;
}

/* A name that is known leads to a code that is known, and back. */
static void check_name(const char *data, size_t len)
{
	char name[32] = { 0 };
	const struct call_info *call;

	memcpy(name, data, len < sizeof(name) ? len : sizeof(name) - 1);
	call = calls_find_name(name);
	check(!call || calls_find_code(call->code) == call);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_strbuf struct strbuf first = { 0 };
	auto_strbuf struct strbuf again = { 0 };
	const struct json_type *type;

	if (size == 0)
		return 0;
	check_name((const char *)data + 1, size - 1);
	type = types[data[0] % N_TYPES];
	if (!recode(type, (const char *)data + 1, size - 1, &first))
		return 0;
	check(recode(type, strbuf_str(&first), first.len, &again));
	check(first.len == again.len && memcmp(first.data, again.data, first.len) == 0);
	return 0;
}
