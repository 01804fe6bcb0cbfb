/* What the shim does all day: bytes, signals and one exit code between our caller's descriptors and
 * the proxy. */
#ifndef ACRUN_SHIM_RELAY_H
#define ACRUN_SHIM_RELAY_H

#include <stdbool.h>
#include <stdint.h>
#include "base/loop.h"
#include "base/strbuf.h"
#include "cmd/acrun-shim/mounts.h"
#include "cmd/acrun-shim/resume.h"
#include "cmd/acrun-shim/stdio.h"

enum { EXIT_PROXY_LOST = 255 };

struct relay {
	struct loop *loop;
	const char *socket_path;
	const char *token;
	int64_t reconnect_ms; /* how long to look for a lost proxy */
	struct mounts mounts;
	struct stdio stdio[3];

	bool connected; /* fd is the connection, which the caller has made */
	int fd;		/* connection, -1 while there is none */
	uint32_t events;
	int64_t lost_ms;   /* since when, of CLOCK_MONOTONIC */
	int retry_ms;	   /* until the next attempt to find it */
	bool accepted;	   /* ConnectShim was answered */
	bool known;	   /* it was answered once, by this proxy or one before it */
	bool flow;	   /* the proxy counts stdin */
	uint64_t credit;   /* bytes of stdin that may be sent */
	struct strbuf out; /* to the proxy */
	struct strbuf in;  /* from the proxy */
	struct strbuf old; /* whole frames of a connection that was lost, to be written first */
	size_t written;	   /* of the payload of the first frame in `old` or `in` */
	struct resume resume;
	int blocked_fd; /* 1 or 2 when it does not take the first frame now, else -1 */
	uint32_t stdio_events[3];
	bool stdin_ended;
	bool retrying;
	bool stopped;
	struct error *err;
};

/*
 * Runs until the process has ended. Returns the exit code; err is set when it is not the process'
 * own. The caller fills loop to stdio, and fd if connected; the rest is zero.
 */
int relay_run(struct relay *relay, struct error *err);

#endif
