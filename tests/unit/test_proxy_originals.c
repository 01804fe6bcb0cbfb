/*
 * The recorded agents behind our proxy: hyperstart 0.7 (D1) and 1.1.0 (D2) and Clear Containers'
 * agent (D3), each saying what it said then. The commands that it was sent directly come from the
 * test's runtime and shims now; what reaches it must be what it understood.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "agent/proto/calls.h"
#include "base/cleanup.h"
#include "base/parse.h"
#include "tests/unit/proxy_rig.h"
#include "tests/unit/transcript.h"

enum { PROCESSES_MAX = 20, D2_EVENT = 23, NO_CODE = -1 };

/* One that the recording started: its streams then and now. */
struct process {
	uint64_t recorded, ours;
	struct rig_end shim;
	bool eof, exited;
	int code; /* D2: the event's */
};

struct original {
	struct rig rig;
	enum rig_agent agent;
	struct process processes[PROCESSES_MAX];
	size_t n_processes;
	struct process *starting;
	uint32_t asked; /* the call that the agent has to answer; 0: none */
	unsigned n_exits;
};

struct streams_body {
	const char *container;
	const char *event;
	int32_t status;
	struct call_streams process;
};

static const struct json_row process_rows[] = {
	{ .name = "id", .kind = JSON_STR, .offset = offsetof(struct call_streams, id) },
	{ .name = "terminal",
	  .kind = JSON_BOOL,
	  .offset = offsetof(struct call_streams, terminal) },
	{ .name = "stdio", .kind = JSON_U64, .offset = offsetof(struct call_streams, stdio) },
	{ .name = "stderr",
	  .kind = JSON_U64,
	  .offset = offsetof(struct call_streams, stderr_stream) },
};
static const struct json_type process_type = JSON_TYPE(call_streams, process_rows);
static const struct json_row body_rows[] = {
	{ .name = "process",
	  .kind = JSON_OBJ,
	  .offset = offsetof(struct streams_body, process),
	  .type = &process_type },
};
static const struct json_type body_type = JSON_TYPE(streams_body, body_rows);

static const struct {
	const char *name;
	uint32_t code;
} words[] = {
#define X(symbol, code_, hyper, token) { #symbol, code_ },
	CALLS_LIST(X)
#undef X
};

/* UINT32_MAX: a message that has no name on the proxy's socket. */
static uint32_t call_code(const char *word)
{
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(words[i].name, word) == 0)
			return words[i].code;
	return UINT32_MAX;
}

static struct call_streams streams_of(const char *json, struct arena *arena)
{
	struct streams_body body;
	struct error err = { 0 };

	if (json_decode(&body_type, json, strlen(json), NULL, arena, &body, &err) < 0)
		fail_msg("%s", err.text);
	return body.process;
}

/* The same body with those streams; 0 takes a stream's member as the runtime sends it. */
static void with_streams(const char *json, uint64_t stdio, uint64_t stderr_stream,
			 struct strbuf *out)
{
	auto_strbuf struct strbuf half = { 0 };
	struct error err = { 0 };
	char number[32];

	(void)snprintf(number, sizeof(number), "%llu", (unsigned long long)stdio);
	assert_int_equal(json_splice(json, strlen(json), "process.stdio", number, &half, &err), 0);
	(void)snprintf(number, sizeof(number), "%llu", (unsigned long long)stderr_stream);
	assert_int_equal(json_splice(half.data, half.len, "process.stderr", number, out, &err), 0);
}

static struct process *process_of(struct original *o, uint64_t recorded, bool *is_err)
{
	for (size_t i = 0; i < o->n_processes; i++) {
		*is_err = recorded == o->processes[i].recorded + 1;
		if (*is_err || recorded == o->processes[i].recorded)
			return &o->processes[i];
	}
	return NULL;
}

/* The runtime and a shim start what the recording started. */
static void start_process(struct original *o, const struct transcript_line *line, uint32_t code)
{
	auto_arena struct arena arena = { 0 };
	auto_strbuf struct strbuf data = { 0 }, request = { 0 }, wanted = { 0 };
	struct process *process = &o->processes[o->n_processes++];
	struct call_streams recorded = streams_of(line->text, &arena), ours;
	struct ctl_frame call;
	char token[45];

	assert_true(o->n_processes < PROCESSES_MAX);
	rig_token(&o->rig, token);
	*process = (struct process){ .recorded = recorded.stdio,
				     .shim = rig_shim(&o->rig, token, ""),
				     .code = NO_CODE };
	with_streams(line->text, 0, 0, &data);
	strbuf_addf(&request, "{\"hyperName\":\"%s\",\"tokens\":[\"%s\"],\"data\":%s}",
		    calls_find_code(code)->hyper_name, token, strbuf_str(&data));
	rig_send(&o->rig.runtime, CCPROXY_COMMAND, CCPROXY_HYPER, strbuf_str(&request));
	call = rig_call(&o->rig);
	assert_int_equal(call.code, code);
	ours = streams_of(call.payload, &arena);
	process->ours = ours.stdio;
	assert_true(ours.stdio >= 3);
	with_streams(line->text, ours.stdio, recorded.terminal ? 0 : ours.stdio + 1, &wanted);
	assert_string_equal(call.payload, strbuf_str(&wanted));
	o->starting = process;
}

static void ask(struct original *o, const struct transcript_line *line)
{
	auto_strbuf struct strbuf request = { 0 };
	uint32_t code = call_code(line->word);
	const struct call_info *info = calls_find_code(code);

	o->asked = 0;
	/* What cannot be said in JSON, and what has been said by the greeting. */
	if (!info || code == CALL_WRITEFILE || code == CALL_GETVERSION)
		return;
	o->asked = code;
	if (info->takes_token) {
		start_process(o, line, code);
		return;
	}
	strbuf_addf(&request, "{\"hyperName\":\"%s\"%s%s}", info->hyper_name,
		    *line->text ? ",\"data\":" : "", line->text);
	rig_send(&o->rig.runtime, CCPROXY_COMMAND, CCPROXY_HYPER, strbuf_str(&request));
	rig_assert_call(&o->rig, code, line->text);
}

static void end_process(struct original *o, struct process *process, unsigned code)
{
	rig_assert_exit(&o->rig, &process->shim, code);
	process->exited = true;
	o->n_exits++;
}

/* ACK and ERROR reach who has asked, with all that the agent said. */
static void answer(struct original *o, const struct transcript_line *line, uint32_t code)
{
	static const char prefix[] =
		"{\"msg\":\"ERROR received from VM agent, control msg received : ";
	struct ccproxy_frame frame;

	if (!o->asked)
		return;
	rig_answer_bytes(&o->rig, code, line->text, line->len);
	frame = rig_receive(&o->rig, &o->rig.runtime);
	assert_int_equal(frame.type, CCPROXY_RESPONSE);
	assert_int_equal(frame.error, code == CALL_ERROR);
	if (code == CALL_ERROR) {
		assert_memory_equal(frame.payload, prefix, sizeof(prefix) - 1);
	} else {
		assert_int_equal(frame.len, line->len);
		assert_memory_equal(frame.payload, line->text, line->len);
	}
	/* A start that failed leaves no shim behind. */
	if (code == CALL_ERROR && o->starting)
		end_process(o, o->starting, 255);
	o->starting = NULL;
	o->asked = 0;
}

static void agent_speaks(struct original *o, const struct transcript_line *line)
{
	uint32_t code = call_code(line->word);
	const char *status = strstr(line->text, "\"status\":");
	uint32_t number;

	if (code == CALL_ACK || code == CALL_ERROR) {
		answer(o, line, code);
		return;
	}
	if (code == CALL_READY)
		return;
	rig_answer_bytes(&o->rig, code, line->text, line->len);
	if (code != D2_EVENT)
		return;
	/* The recordings have the end of the output first, of one process at a time. */
	for (size_t i = 0; i < o->n_processes; i++) {
		struct process *process = &o->processes[i];
		auto_strbuf struct strbuf digits = { 0 };

		if (!process->eof || process->exited)
			continue;
		strbuf_add(&digits, status + 9, strspn(status + 9, "0123456789"));
		assert_int_equal(parse_u32(strbuf_str(&digits), &number), 0);
		end_process(o, process, number);
		return;
	}
	fail_msg("line %u: an event of nobody's", line->number);
}

static void process_speaks(struct original *o, const struct transcript_line *line)
{
	uint64_t stream;
	bool is_err = false;
	struct process *process;

	assert_int_equal(parse_u64(line->word, &stream), 0);
	process = process_of(o, stream, &is_err);
	if (!process) {
		rig_output(&o->rig, stream, line->text, line->len);
		return;
	}
	rig_output(&o->rig, process->ours + is_err, line->text, line->len);
	if (line->len == 0)
		process->eof = true;
	else if (process->eof)
		end_process(o, process, (unsigned char)line->text[0]);
	else
		rig_assert_stream(&o->rig, &process->shim, is_err ? CCPROXY_STDERR : CCPROXY_STDOUT,
				  line->text);
}

static void process_hears(struct original *o, const struct transcript_line *line)
{
	uint64_t stream;
	bool is_err = false;
	struct process *process;
	struct tty_frame frame;

	assert_int_equal(parse_u64(line->word, &stream), 0);
	process = process_of(o, stream, &is_err);
	/* Input for a stream that nobody has cannot come from a shim. */
	if (!process)
		return;
	rig_send(&process->shim, CCPROXY_STREAM, CCPROXY_STDIN, line->text);
	frame = rig_stdin(&o->rig);
	assert_int_equal(frame.stream, process->ours);
	assert_int_equal(frame.len, line->len);
	assert_memory_equal(frame.payload, line->text, line->len);
}

static void play(enum rig_agent agent, const char *path)
{
	struct original o = { .agent = agent };
	struct transcript transcript;
	struct error err = { 0 };

	if (transcript_read(&transcript, path, &err) < 0)
		fail_msg("%s", err.text);
	rig_open(&o.rig, agent);
	for (size_t i = 0; i < transcript.n_lines; i++) {
		const struct transcript_line *line = &transcript.lines[i];
		bool is_tty = strcmp(line->party, "tty") == 0;

		if (line->to_proxy)
			(is_tty ? process_speaks : agent_speaks)(&o, line);
		else
			(is_tty ? process_hears : ask)(&o, line);
	}
	assert_true(o.n_processes >= 7);
	assert_int_equal(o.n_exits, o.n_processes);
	for (size_t i = 0; i < o.n_processes; i++)
		rig_end_close(&o.processes[i].shim);
	transcript_done(&transcript);
	rig_close(&o.rig);
}

#define TRANSCRIPT(name) TEST_SOURCE_DIR "/tests/fixtures/transcripts/" name

static void hyperstart_0_7(void **state)
{
	(void)state;
	play(RIG_D1, TRANSCRIPT("agent-d1.txt"));
}

static void hyperstart_1_1(void **state)
{
	(void)state;
	play(RIG_D2, TRANSCRIPT("agent-d2.txt"));
}

static void clear_containers_agent(void **state)
{
	(void)state;
	play(RIG_PLAIN, TRANSCRIPT("agent-d3.txt"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hyperstart_0_7),
		cmocka_unit_test(hyperstart_1_1),
		cmocka_unit_test(clear_containers_agent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
