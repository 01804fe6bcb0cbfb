/*
 * The proxy with everybody around it played by the test: an agent behind two listening sockets, and
 * clients on socket pairs. All in one process and one thread: rig_turn() lets the proxy's loop run
 * for a moment.
 */
#ifndef TESTS_UNIT_PROXY_RIG_H
#define TESTS_UNIT_PROXY_RIG_H

#include <stdbool.h>
#include <stdint.h>
#include "agent/proto/ccproxy.h"
#include "agent/proto/hyperstart.h"
#include "base/strbuf.h"
#include "cmd/acrun-proxy/proxy.h"

/* Which agent the test plays: an original of dialect D3, D1 or D2, ours, or ours with numbered
 * frames. */
enum rig_agent { RIG_PLAIN, RIG_D1, RIG_D2, RIG_EXTENSION, RIG_NUMBERED };

struct rig;

/* A connection's end, with what was read from it and not yet looked at. */
struct rig_end {
	struct rig *rig;
	int fd;
	struct strbuf in;
};

struct rig {
	char dir[32];
	struct loop *loop;
	struct proxy proxy;
	int loop_value; /* of the last turn; 1 while the proxy goes on */
	int ctl_listen, tty_listen;
	struct rig_end ctl, tty; /* the agent's */
	struct rig_end runtime;	 /* registered with the proxy */
};

/* Brings the VM up: answers RegisterVM's greeting as that agent does. */
void rig_open(struct rig *rig, enum rig_agent agent);
void rig_close(struct rig *rig);
/* The parts of rig_open(): a proxy without a VM, whose sockets the test listens on at <dir>/ctl and
 * <dir>/tty; the connections of RegisterVM; READY and the answers to the greeting. */
void rig_begin(struct rig *rig);
void rig_accept(struct rig *rig);
void rig_greet(struct rig *rig, enum rig_agent agent);
void rig_turn(struct rig *rig);

struct rig_end rig_connect(struct rig *rig);
void rig_end_close(struct rig_end *end);

void rig_send(struct rig_end *end, enum ccproxy_type type, unsigned opcode, const char *text);
/* The next frame; waits for it. payload is NUL-terminated in *text, which the next call overwrites.
 */
struct ccproxy_frame rig_receive(struct rig *rig, struct rig_end *end);
/* A command whose answer must be good; returns its payload. */
const char *rig_command(struct rig *rig, struct rig_end *end, unsigned opcode, const char *text);
/* A command whose answer must be an error; returns its payload. */
const char *rig_refused(struct rig *rig, struct rig_end *end, unsigned opcode, const char *text);
/* True when nothing has come, after a turn. */
bool rig_is_silent(struct rig *rig, struct rig_end *end);
/* True when the proxy has closed the connection. */
bool rig_is_closed(struct rig *rig, struct rig_end *end);

/* A fresh token, copied to the caller. */
void rig_token(struct rig *rig, char token[static 45]);
/* A shim of token; `more` goes into its ConnectShim (",\"flow\":true"). */
struct rig_end rig_shim(struct rig *rig, const char *token, const char *more);

struct ctl_frame rig_call(struct rig *rig);
void rig_answer(struct rig *rig, uint32_t code, const char *text);
void rig_answer_bytes(struct rig *rig, uint32_t code, const void *data, size_t len);
struct tty_frame rig_stdin(struct rig *rig);
void rig_output(struct rig *rig, uint64_t stream, const void *data, size_t len);

/* Sends the start of container c1 (or of an exec in it) without waiting for its answer. */
void rig_send_start(struct rig_end *end, const char *name, const char *token, bool terminal);
/* A shim and its started process; `more` as in rig_shim(). */
struct rig_end rig_started(struct rig *rig, const char *name, const char *more);
void rig_assert_stream(struct rig *rig, struct rig_end *shim, unsigned opcode, const char *text);
void rig_assert_exit(struct rig *rig, struct rig_end *shim, unsigned code);
void rig_assert_call(struct rig *rig, uint32_t code, const char *body);

#endif
