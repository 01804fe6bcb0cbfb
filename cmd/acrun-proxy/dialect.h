/*
 * The dialects of hyperstart's protocol: what one agent understands and another does not
 * (docs/protocols.md, 1.4). Everything that depends on the agent's kind is decided here.
 */
#ifndef ACRUN_PROXY_DIALECT_H
#define ACRUN_PROXY_DIALECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "agent/proto/hyperstart.h"
#include "base/error.h"
#include "base/strbuf.h"

struct proxy;
struct session;

enum dialect {
	DIALECT_ACRUN, /* ours: D3 and the extension */
	DIALECT_D3,    /* the last Clear Containers agent */
	DIALECT_D2,    /* hyperstart from 0.8 on: exit codes come on the control channel */
	DIALECT_D1,    /* hyperstart up to 0.7 */
};

/* "acrun", "D3", "D2" or "D1". */
const char *dialect_name(enum dialect dialect);
/* What an agent without our extension is, by its answer to GETVERSION (failed: ERROR). */
enum dialect dialect_of_answer(bool failed, const char *payload, size_t len);
/* Payload bytes that one frame of stdin may have. */
size_t dialect_stdin_max(enum dialect dialect);
/* Does one byte behind the empty frame of a stream carry the exit code? Else an event does. */
bool dialect_exits_by_stream(enum dialect dialect);
/* Must a call that starts a process say what the process is called? */
bool dialect_needs_process_id(enum dialect dialect);

/* A call that sends signo to the session's process, or tells it its terminal's size: the code, and
 * the body in json. -EOPNOTSUPP when this agent has no such call. */
int dialect_encode_signal(const struct session *session, int signo, uint32_t *code,
			  struct strbuf *json, struct error *err) must_check;
int dialect_encode_winsize(const struct session *session, uint32_t rows, uint32_t columns,
			   uint32_t *code, struct strbuf *json, struct error *err) must_check;

/* Acts on a message of D2's agent that a process has ended. Any other is skipped. */
void dialect_take_event(struct proxy *proxy, const struct ctl_frame *frame);

#endif
