/* Which of hyperstart's dialects the agent in the guest speaks (docs/protocols.md, 1.4). */
#ifndef RUNTIME_AGENT_CLIENT_DIALECT_H
#define RUNTIME_AGENT_CLIENT_DIALECT_H

enum agent_dialect {
	AGENT_ACRUN,  /* ours, with the extension */
	AGENT_D3,     /* the last Clear Containers agent */
	AGENT_D2,     /* hyperstart from 0.8 on */
	AGENT_D1,     /* hyperstart up to 0.7 */
	AGENT_UNTOLD, /* the proxy is an original and does not say: agent_find_dialect() */
};

/* "acrun", "D3", "D2", "D1"; NULL for AGENT_UNTOLD. */
const char *agent_dialect_name(enum agent_dialect dialect);
/* The reverse; AGENT_UNTOLD for NULL and anything else. */
enum agent_dialect agent_dialect_parse(const char *name);

#endif
