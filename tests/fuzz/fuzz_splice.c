/*
 * The proxy's edit of a body in place: streams and the process' id are written into the text of a
 * call that starts a process. What was a body before must be the same body with these values after
 * it, to whoever decodes it.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "agent/proto/calls.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ARENA_MAX = 64 << 20 };

static void check(bool good)
{
	if (!good)
		abort();
}

/* Each of the calls that take a token. */
struct start {
	const struct json_type *type;
	size_t process; /* where its process is */
	bool streams;	/* a struct call_streams, not a struct call_process */
};

static const struct start starts[] = {
	{ &call_createcontainer_type, offsetof(struct call_createcontainer, process), true },
	{ &call_execprocess_type, offsetof(struct call_execprocess, process), true },
	{ &call_newcontainer_type, offsetof(struct call_newcontainer, process), false },
	{ &call_execcmd_type, offsetof(struct call_execcmd, process), false },
};
enum { N_STARTS = sizeof(starts) / sizeof(starts[0]) };

union body {
	struct call_createcontainer create;
	struct call_execprocess exec;
	struct call_newcontainer new_container;
	struct call_execcmd execcmd;
};

static void set_process(const struct start *start, union body *body)
{
	void *process = (char *)body + start->process;

	if (start->streams) {
		struct call_streams *streams = process;

		streams->id = "x\"";
		streams->stdio = 7;
		streams->stderr_stream = UINT32_MAX;
	} else {
		struct call_process *whole = process;

		whole->id = "x\"";
		whole->stdio = 7;
		whole->stderr_stream = UINT32_MAX;
	}
}

static const struct {
	const char *path;
	const char *value;
} edits[] = {
	{ "process.stdio", "7" },
	{ "process.stderr", "4294967295" },
	{ "process.id", "\"x\\\"\"" },
};
enum { N_EDITS = sizeof(edits) / sizeof(edits[0]) };

/* False when the text has no process to write into, or something strange in a value's place. */
static bool edit(const char *text, size_t len, struct strbuf *out)
{
	strbuf_add(out, text, len);
	for (size_t i = 0; i < N_EDITS; i++) {
		struct strbuf next = { 0 };
		struct error err = { 0 };

		if (json_splice(strbuf_str(out), out->len, edits[i].path, edits[i].value, &next,
				&err) < 0) {
			check(err.code < 0 && err.text[0] != '\0');
			strbuf_done(&next);
			return false;
		}
		strbuf_done(out);
		*out = next;
	}
	return true;
}

static void check_as(const struct start *start, const char *text, size_t len,
		     const struct strbuf *edited)
{
	auto_arena struct arena arena = { .max_bytes = ARENA_MAX };
	auto_strbuf struct strbuf want = { 0 };
	auto_strbuf struct strbuf got = { 0 };
	struct error err = { 0 };
	union body body;

	if (json_decode(start->type, text, len, NULL, &arena, &body, &err) < 0)
		return;
	set_process(start, &body);
	check(json_encode(start->type, &body, 0, &want) == 0);
	check(json_decode(start->type, strbuf_str(edited), edited->len, NULL, &arena, &body,
			  &err) == 0);
	check(json_encode(start->type, &body, 0, &got) == 0);
	check(want.len == got.len && memcmp(want.data, got.data, want.len) == 0);
}

_Static_assert(offsetof(struct call_streams, id) == 0 && offsetof(struct call_process, id) == 0,
	       "a process begins with its id");

/* Whoever takes the text for a body must be able to have it edited. */
static bool is_start(const struct start *start, const char *text, size_t len)
{
	auto_arena struct arena arena = { .max_bytes = ARENA_MAX };
	union body body;
	char *process = (char *)&body + start->process;
	struct error err = { 0 };

	if (json_decode(start->type, text, len, NULL, &arena, &body, &err) < 0)
		return false;
	return *(const char **)(void *)process != NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_strbuf struct strbuf edited = { 0 };
	const char *text = (const char *)data;
	bool good = edit(text, size, &edited);

	for (size_t i = 0; i < N_STARTS; i++) {
		if (good)
			check_as(&starts[i], text, size, &edited);
		else
			check(!is_start(&starts[i], text, size));
	}
	return 0;
}
