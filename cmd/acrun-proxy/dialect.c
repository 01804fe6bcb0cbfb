#include "cmd/acrun-proxy/dialect.h"

#include <endian.h>
#include <errno.h>
#include <string.h>
#include "agent/proto/calls.h"
#include "base/arena.h"
#include "base/log.h"
#include "cmd/acrun-proxy/proxy.h"
#include "cmd/acrun-proxy/sessions.h"
#include "cmd/acrun-proxy/vm.h"

enum {
	D1_VERSION_LAST = 4242,
	D2_SIGNALPROCESS = 24, /* what 68 is to ours */
	/* It keeps so much stdin for a process, and throws the rest of a frame away. */
	HYPERSTART_STDIN_MAX = 512,
	D3_STDIN_MAX = 4084, /* what every known host has sent at a time */
};

static const struct dialect_traits {
	const char *name;
	size_t stdin_max;
	bool exits_by_stream;
	bool needs_process_id;
} traits[] = {
	[DIALECT_ACRUN] = { "acrun", TTY_FRAME_MAX - TTY_HEADER_LEN, true, false },
	[DIALECT_D3] = { "D3", D3_STDIN_MAX, true, false },
	[DIALECT_D2] = { "D2", HYPERSTART_STDIN_MAX, false, true },
	[DIALECT_D1] = { "D1", HYPERSTART_STDIN_MAX, true, false },
};

const char *dialect_name(enum dialect dialect)
{
	return traits[dialect].name;
}

enum dialect dialect_of_answer(bool failed, const char *payload, size_t len)
{
	uint32_t version;

	if (failed || len != sizeof(version))
		return DIALECT_D3;
	memcpy(&version, payload, sizeof(version));
	return be32toh(version) <= D1_VERSION_LAST ? DIALECT_D1 : DIALECT_D2;
}

size_t dialect_stdin_max(enum dialect dialect)
{
	return traits[dialect].stdin_max;
}

bool dialect_exits_by_stream(enum dialect dialect)
{
	return traits[dialect].exits_by_stream;
}

bool dialect_needs_process_id(enum dialect dialect)
{
	return traits[dialect].needs_process_id;
}

static enum dialect dialect_of(const struct session *session)
{
	return session->proxy->vm->dialect;
}

int dialect_encode_signal(const struct session *session, int signo, uint32_t *code,
			  struct strbuf *json, struct error *err)
{
	const struct call_signalprocess one = { .container = session->container,
						.process = session->process,
						.signal = signo,
						.seq = session->signal_seq };
	const struct call_killcontainer whole = { .container = session->container,
						  .signal = signo };
	enum dialect dialect = dialect_of(session);
	bool by_process = dialect == DIALECT_ACRUN || (dialect == DIALECT_D2 && session->is_exec);
	int ret;

	if (session->is_exec && !by_process)
		return err_msg(err, -EOPNOTSUPP,
			       "the agent (%s) cannot signal a process that was started by exec",
			       dialect_name(dialect));
	*code = CALL_KILLCONTAINER;
	if (by_process)
		*code = dialect == DIALECT_D2 ? (uint32_t)D2_SIGNALPROCESS : CALL_SIGNALPROCESS;
	ret = by_process ? json_encode(&call_signalprocess_type, &one, 0, json)
			 : json_encode(&call_killcontainer_type, &whole, 0, json);
	return ret < 0 ? err_set(err, ret, "encode signal %d", signo) : 0;
}

struct d2_winsize {
	const char *container;
	const char *process;
	uint32_t row;
	uint32_t column;
};

static const struct json_row d2_winsize_rows[] = {
	{ .name = "container", .kind = JSON_STR, .offset = offsetof(struct d2_winsize, container) },
	{ .name = "process", .kind = JSON_STR, .offset = offsetof(struct d2_winsize, process) },
	{ .name = "row", .kind = JSON_U32, .offset = offsetof(struct d2_winsize, row) },
	{ .name = "column", .kind = JSON_U32, .offset = offsetof(struct d2_winsize, column) },
};
static const struct json_type d2_winsize_type = JSON_TYPE(d2_winsize, d2_winsize_rows);

int dialect_encode_winsize(const struct session *session, uint32_t rows, uint32_t columns,
			   uint32_t *code, struct strbuf *json, struct error *err)
{
	const struct call_winsize by_stream = { .seq = session->stdio,
						.row = rows,
						.column = columns };
	const struct d2_winsize by_name = { .container = session->container,
					    .process = session->process,
					    .row = rows,
					    .column = columns };
	int ret = dialect_of(session) == DIALECT_D2
			  ? json_encode(&d2_winsize_type, &by_name, 0, json)
			  : json_encode(&call_winsize_type, &by_stream, 0, json);

	*code = CALL_WINSIZE;
	return ret < 0 ? err_set(err, ret, "encode the size of a terminal") : 0;
}

struct d2_event {
	const char *container;
	const char *process;
	const char *event;
	int32_t status;
};

static const struct json_row d2_event_rows[] = {
	{ .name = "container",
	  .kind = JSON_STR,
	  .offset = offsetof(struct d2_event, container),
	  .flags = JSON_REQUIRED },
	{ .name = "process",
	  .kind = JSON_STR,
	  .offset = offsetof(struct d2_event, process),
	  .flags = JSON_REQUIRED },
	{ .name = "event",
	  .kind = JSON_STR,
	  .offset = offsetof(struct d2_event, event),
	  .flags = JSON_REQUIRED },
	{ .name = "status", .kind = JSON_I32, .offset = offsetof(struct d2_event, status) },
};
static const struct json_type d2_event_type = JSON_TYPE(d2_event, d2_event_rows);

void dialect_take_event(struct proxy *proxy, const struct ctl_frame *frame)
{
	auto_arena struct arena arena = { 0 };
	struct d2_event event;
	struct error err = { 0 };

	if (proxy->vm->dialect != DIALECT_D2 || frame->code != CALL_PSCONTAINER) {
		log_debug("message %u of the agent skipped", frame->code);
	} else if (json_decode(&d2_event_type, frame->payload, frame->len, NULL, &arena, &event,
			       &err) < 0) {
		log_warning("an event of the agent cannot be read: %s", err.text);
	} else if (strcmp(event.event, "finished") == 0) {
		sessions_finish(proxy, event.container, event.process, (uint8_t)event.status);
	}
}
