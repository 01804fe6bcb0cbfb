/*
 * The recorded conversations of Clear Containers, played to our proxy: the test is its runtime, its
 * shims and its agent. Tokens and the bodies of starts are compared as what they mean: ours are not
 * written by the same program.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <cmocka.h>
#include "agent/proto/calls.h"
#include "base/cleanup.h"
#include "base/parse.h"
#include "tests/unit/proxy_rig.h"
#include "tests/unit/transcript.h"

enum { CLIENTS_MAX = 20, TOKENS_MAX = 10 };

struct replay {
	struct rig rig;
	struct rig_end clients[CLIENTS_MAX];
	struct strbuf output[CLIENTS_MAX][3]; /* by opcode: what has come and was not awaited yet */
	char tokens[TOKENS_MAX][45];
	const struct transcript_line *line;
};

static const char *const commands[] = { "RegisterVM",  "UnregisterVM",	 "AttachVM", "Hyper",
					"ConnectShim", "DisconnectShim", "Signal" };
static const char *const streams[] = { "stdin", "stdout", "stderr" };

static int find(const char *const *names, size_t n, const char *word)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(names[i], word) == 0)
			return (int)i;
	return -1;
}

#define FIND(names, word) find(names, sizeof(names) / sizeof((names)[0]), word)

static uint32_t call_code(const char *name)
{
	static const struct {
		const char *name;
		uint32_t code;
	} rows[] = {
#define X(symbol, code_, hyper, token) { #symbol, code_ },
		CALLS_LIST(X)
#undef X
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (strcmp(rows[i].name, name) == 0)
			return rows[i].code;
	fail_msg("no call '%s'", name);
	return 0;
}

/* Puts our tokens and paths where the recording has $T1, $CTL and so on. */
static void fill_in(const struct replay *replay, const char *text, struct strbuf *out)
{
	static const char *const names[] = { "$CTL", "$TTY", "$CONSOLE", "$URL" };

	while (*text) {
		size_t i = 0;

		while (i < 4 && strncmp(text, names[i], strlen(names[i])) != 0)
			i++;
		if (i < 4)
			text += strlen(names[i]);
		if (i < 2)
			strbuf_addf(out, "%s/%s", replay->rig.dir, i == 0 ? "ctl" : "tty");
		else if (i == 3)
			strbuf_adds(out, replay->rig.proxy.url);
		else if (i == 4 && text[0] == '$' && text[1] == 'T') {
			strbuf_adds(out, replay->tokens[text[2] - '0']);
			text += 3;
		} else if (i == 4) {
			strbuf_addc(out, *text++);
		}
	}
	assert_int_equal(strbuf_error(out), 0);
}

/* The tokens of an answer become the ones that the recording calls so. */
static void learn_tokens(struct replay *replay, const char *recorded, const char *ours)
{
	const char *name = strstr(recorded, "\"$T");
	const char *token = strstr(ours, "\"tokens\":[\"");

	if (!name)
		return;
	assert_non_null(token);
	(void)snprintf(replay->tokens[name[3] - '0'], 45, "%.44s", token + 11);
}

static struct rig_end *client_of(struct replay *replay)
{
	uint32_t number;

	assert_int_equal(parse_u32(replay->line->party + 1, &number), 0);
	assert_true(number < CLIENTS_MAX);
	return &replay->clients[number];
}

/* What of a start's body means the same however it is written. */
static void normalise(uint32_t code, const char *text, size_t len, struct strbuf *out)
{
	auto_arena struct arena arena = { 0 };
	struct error err = { 0 };
	struct call_newcontainer container;
	struct call_execcmd exec;
	bool is_exec = code == CALL_EXECCMD;
	const struct json_type *type = is_exec ? &call_execcmd_type : &call_newcontainer_type;
	void *body = is_exec ? (void *)&exec : (void *)&container;

	/* No body, said in JSON. */
	if (len == 4 && memcmp(text, "null", len) == 0)
		return;
	if (code != CALL_NEWCONTAINER && !is_exec) {
		assert_int_equal(strbuf_add(out, text, len), 0);
		return;
	}
	if (json_decode(type, text, len, NULL, &arena, body, &err) < 0)
		fail_msg("%s", err.text);
	/* The original proxy drops it. */
	(is_exec ? &exec.process : &container.process)->id = NULL;
	assert_int_equal(json_encode(type, body, 0, out), 0);
}

static void agent_speaks(struct replay *replay)
{
	const struct transcript_line *line = replay->line;
	uint64_t stream;

	if (strcmp(line->party, "tty") == 0) {
		assert_int_equal(parse_u64(line->word, &stream), 0);
		rig_output(&replay->rig, stream, line->text, line->len);
	} else if (strcmp(line->word, "READY") == 0) {
		rig_accept(&replay->rig);
		rig_greet(&replay->rig, RIG_PLAIN);
	} else {
		rig_answer_bytes(&replay->rig, call_code(line->word), line->text, line->len);
	}
}

static void agent_hears(struct replay *replay)
{
	const struct transcript_line *line = replay->line;
	auto_strbuf struct strbuf theirs = { 0 }, ours = { 0 };
	uint64_t stream;

	if (strcmp(line->party, "tty") == 0) {
		struct tty_frame frame = rig_stdin(&replay->rig);

		assert_int_equal(parse_u64(line->word, &stream), 0);
		assert_int_equal(frame.stream, stream);
		assert_int_equal(frame.len, line->len);
		assert_memory_equal(frame.payload, line->text, line->len);
		return;
	}
	struct ctl_frame call = rig_call(&replay->rig);

	assert_int_equal(call.code, call_code(line->word));
	normalise(call.code, call.payload, call.len, &ours);
	normalise(call.code, line->text, line->len, &theirs);
	assert_string_equal(strbuf_str(&ours), strbuf_str(&theirs));
}

static void client_speaks(struct replay *replay)
{
	const struct transcript_line *line = replay->line;
	struct rig_end *client = client_of(replay);
	auto_strbuf struct strbuf body = { 0 };
	int opcode = FIND(commands, line->word);

	if (strcmp(line->word, "connect") == 0) {
		*client = rig_connect(&replay->rig);
	} else if (strcmp(line->word, "close") == 0) {
		assert_int_equal(shutdown(client->fd, SHUT_WR), 0);
	} else if (opcode >= 0) {
		fill_in(replay, line->text, &body);
		rig_send(client, CCPROXY_COMMAND, (unsigned)opcode, strbuf_str(&body));
	} else {
		assert_string_equal(line->word, "stdin");
		rig_send(client, CCPROXY_STREAM, CCPROXY_STDIN, line->text);
	}
}

/* Output is compared byte by byte, not frame by frame: where it is cut means nothing. */
static struct ccproxy_frame receive(struct replay *replay)
{
	struct rig_end *client = client_of(replay);

	for (;;) {
		struct ccproxy_frame frame = rig_receive(&replay->rig, client);

		if (frame.type != CCPROXY_STREAM)
			return frame;
		assert_int_equal(strbuf_add(&replay->output[client - replay->clients][frame.opcode],
					    frame.payload, frame.len),
				 0);
		if (FIND(streams, replay->line->word) == (int)frame.opcode)
			return frame;
	}
}

static void client_hears_output(struct replay *replay, int stream)
{
	const struct transcript_line *line = replay->line;
	struct strbuf *output = &replay->output[client_of(replay) - replay->clients][stream];

	while (output->len < line->len)
		assert_int_equal(receive(replay).type, CCPROXY_STREAM);
	assert_memory_equal(output->data, line->text, line->len);
	strbuf_consume(output, line->len);
}

static void client_hears_answer(struct replay *replay, int opcode)
{
	const struct transcript_line *line = replay->line;
	auto_strbuf struct strbuf wanted = { 0 };
	struct ccproxy_frame frame = receive(replay);
	bool failed = strncmp(line->text, "error", 5) == 0;

	assert_int_equal(frame.type, CCPROXY_RESPONSE);
	assert_int_equal(frame.opcode, opcode);
	assert_int_equal(frame.error, failed);
	/* Only this text is ours alone: it names the agent's dialect. */
	if (failed && opcode == CCPROXY_SIGNAL)
		return;
	if (!failed)
		learn_tokens(replay, line->text, frame.payload);
	fill_in(replay, line->text + (failed ? 6 : 0), &wanted);
	assert_string_equal(frame.payload, strcmp(line->text, "ok") ? strbuf_str(&wanted) : "");
}

static void client_hears(struct replay *replay)
{
	const struct transcript_line *line = replay->line;
	int stream = FIND(streams, line->word);
	int opcode = FIND(commands, line->word);
	struct ccproxy_frame frame;
	uint32_t code;

	if (strcmp(line->word, "closed") == 0) {
		assert_true(rig_is_closed(&replay->rig, client_of(replay)));
	} else if (stream >= 0) {
		client_hears_output(replay, stream);
	} else if (opcode >= 0) {
		client_hears_answer(replay, opcode);
	} else {
		assert_string_equal(line->word, "exited");
		assert_int_equal(parse_u32(line->text, &code), 0);
		frame = receive(replay);
		assert_int_equal(frame.type, CCPROXY_NOTIFICATION);
		assert_int_equal(frame.opcode, CCPROXY_PROCESS_EXITED);
		assert_int_equal(frame.len, 1);
		assert_int_equal((unsigned char)frame.payload[0], code);
	}
}

static void play(const char *name)
{
	struct replay replay = { 0 };
	struct transcript transcript;
	struct error err = { 0 };

	rig_begin(&replay.rig);
	if (transcript_read(&transcript, name, &err) < 0)
		fail_msg("%s", err.text);
	for (size_t i = 0; i < transcript.n_lines; i++) {
		const struct transcript_line *line = &transcript.lines[i];
		bool is_client = line->party[0] == 'c' && line->party[1] != 't';

		replay.line = line;
		if (is_client)
			(line->to_proxy ? client_speaks : client_hears)(&replay);
		else
			(line->to_proxy ? agent_speaks : agent_hears)(&replay);
	}
	assert_true(transcript.n_lines > 100);
	/* Nothing that the original did not say. */
	assert_true(rig_is_silent(&replay.rig, &replay.rig.ctl));
	assert_true(rig_is_silent(&replay.rig, &replay.rig.tty));
	for (int i = 0; i < CLIENTS_MAX; i++) {
		assert_int_equal(replay.clients[i].in.len, 0);
		for (int stream = 0; stream < 3; stream++) {
			assert_int_equal(replay.output[i][stream].len, 0);
			strbuf_done(&replay.output[i][stream]);
		}
		if (replay.clients[i].rig)
			rig_end_close(&replay.clients[i]);
	}
	transcript_done(&transcript);
	rig_close(&replay.rig);
}

#define TRANSCRIPT(name) TEST_SOURCE_DIR "/tests/fixtures/transcripts/" name

static void the_whole_of_clear_containers(void **state)
{
	(void)state;
	play(TRANSCRIPT("runtime-shim-proxy-agent.txt"));
}

static void the_proxy_and_its_agent(void **state)
{
	(void)state;
	play(TRANSCRIPT("proxy-agent.txt"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_whole_of_clear_containers),
		cmocka_unit_test(the_proxy_and_its_agent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
