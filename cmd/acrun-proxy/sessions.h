/*
 * Sessions: a token, a pair of streams and the process behind them. A session holds what has to
 * wait: stdin until the process is started and the agent has room, output until the shim takes it,
 * signals until there is a process.
 */
#ifndef ACRUN_PROXY_SESSIONS_H
#define ACRUN_PROXY_SESSIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "agent/proto/ccproxy.h"
#include "agent/proto/hyperstart.h"
#include "cmd/acrun-proxy/outq.h"
#include "cmd/acrun-proxy/resume.h"

struct proxy;
struct client;
struct start;

enum {
	TOKEN_BYTES = 32,
	TOKEN_LEN = 44,		    /* base64 with padding */
	SESSIONS_MAX = 4096,	    /* tokens one sandbox may have at a time */
	EXIT_LOST = 255,	    /* exit code of a process whose end nobody saw */
	PLAIN_OUTPUT_MAX = 1 << 20, /* held for one session of an agent without flow control */
};

enum session_state { SESSION_IDLE, SESSION_STARTING, SESSION_STARTED, SESSION_EXITED };

struct session {
	struct session *next;
	struct proxy *proxy;
	char token[TOKEN_LEN + 1]; /* "" for a process nobody listens to */
	uint64_t stdio;		   /* stderr is the next one */
	enum session_state state;
	bool dead; /* freed by the next proxy_settle() */
	struct client *shim;
	const struct client *owner; /* asked for the token, and for its end with the connection
				       unless it is used by then; NULL: it stays */
	struct start *start;	    /* waits for the shim, or under way */
	bool kills;		    /* the process is killed when the shim dies */
	bool journaled;		    /* a proxy after us will know it */
	bool transient;		    /* ends with its owner; outlives us a while, for the start */
	bool adrift;		    /* of a proxy before us, its shim has not come yet */
	bool unsettled;		    /* and whether its process was started is not known: who asked
				       for it asks again */
	struct request *early;	    /* ConnectShim that waits for that to be known */
	struct resume_point early_point;
	struct request *resuming; /* ConnectShim that waits for the agent to go on */
	bool resumes;		  /* the shim keeps count: credit goes from end to end */

	/* the process, known once a start was asked for */
	bool is_exec;
	char *container;
	char *process;
	bool eof;      /* of its output: the exit code comes next */
	bool finished; /* its exit code came first */
	uint8_t code;
	uint64_t held_signals;
	uint32_t
		signal_seq; /* by the shim's count, of the signal being passed on; 0: not counted */
	uint32_t rows, columns; /* held size of the terminal; 0: none */

	struct outq in; /* stdin that waits */
	bool in_eof;	/* the shim has closed it */
	bool in_eof_sent;
	uint64_t in_credit; /* bytes the agent takes */
	uint32_t shim_owed; /* bytes passed on and not yet given back to the shim */
	struct strbuf out;  /* frames for the shim */
	size_t last_frame;  /* where the last one starts, if it can grow */
	bool last_can_grow;
	size_t out_queued[2];	/* payload bytes in `out`, of stdout and stderr */
	size_t out_flying[2];	/* handed to the shim's connection, not yet written */
	uint32_t agent_owed[2]; /* written and not yet given back to the agent */

	/* with a shim that resumes: bytes that the other end has not credited yet */
	uint64_t out_unacked[2];
	uint64_t in_unacked;
	uint64_t early_credit; /* came before the answer to RESUME */
};

/* A new session with a fresh token; NULL when out of memory or beyond SESSIONS_MAX. */
struct session *session_new(struct proxy *proxy);
/* A token of an earlier proxy, whose process was not started yet. */
struct session *session_new_known(struct proxy *proxy, const char *token, uint64_t stdio);
/* A session without token, whose output is thrown away. */
struct session *session_new_null(struct proxy *proxy);
struct session *session_find_token(struct proxy *proxy, const char *token);
struct session *session_find_stream(struct proxy *proxy, uint64_t stream);
void session_free(struct session *session);

/* The shim has come: held output flows. */
void session_claim(struct session *session, struct client *shim);
/* The shim has gone; `leave` when it said so (DisconnectShim). */
void session_release(struct session *session, bool leave);

/* No process was started for it, and none will be: its shim, if it has one, is told. */
void session_end_unused(struct session *session);
/* Kills the process if that was wanted, and lets go of it: nobody will ever ask for it. */
void session_abandon(struct session *session);

/* A connection of the runtime has ended: so do its tokens that no process was started for. */
void sessions_disown(struct proxy *proxy, const struct client *owner);

/* The agent acknowledged the start: stdin and signals flow. */
void session_started(struct session *session);
/* The process is over, or will never be: queues ProcessExited behind the output. */
void session_exit(struct session *session, uint8_t code);

/* Bytes of stdin from the shim; zero is the end. 0 or a negative errno. */
int session_take_stdin(struct session *session, const char *data, size_t len) must_check;
/* The agent takes so much more stdin: tells a shim that resumes. */
void session_give_stdin(struct session *session, uint32_t bytes);
/* A shim that resumes has written output. -EBADMSG when it cannot be. */
int session_take_output_credit(struct session *session, const char *payload, size_t len) must_check;
/* True while no more stdin should be read from the shim. */
bool session_stdin_is_full(const struct session *session);
/* Moves stdin of all sessions to the agent as far as credit and queue allow. */
void sessions_pump(struct proxy *proxy);

/* A frame from the agent's I/O channel. -EBADMSG when it breaks the protocol. */
int sessions_take_frame(struct proxy *proxy, const struct tty_frame *frame) must_check;
/* The agent told the exit code of a process apart from its output (dialect D2): it counts once that
 * has ended too. */
void sessions_finish(struct proxy *proxy, const char *container, const char *process, uint8_t code);
/* Hands output to the shims after a batch of frames. */
void sessions_flush(struct proxy *proxy);
/* Moves held output into an empty queue; false when there is none. */
bool session_give_output(struct session *session, struct outq *queue);
/* What session_give_output() handed over has been written (or is lost with the connection). */
void session_output_written(struct session *session);
/* True when some session of an agent without flow control holds too much: reading has to pause. */
bool sessions_are_full(const struct proxy *proxy);
/* The VM has gone: every process is over. */
void sessions_lose(struct proxy *proxy);

#endif
