/*
 * Clear Containers proxy protocol, version 2: frames between the runtime, the shims and the proxy
 * on a Unix stream socket. 12-byte header, big-endian; the payload length excludes the header.
 * Format: docs/protocols.md.
 */
#ifndef AGENT_PROTO_CCPROXY_H
#define AGENT_PROTO_CCPROXY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/error.h"
#include "base/strbuf.h"

enum { CCPROXY_VERSION = 2, CCPROXY_HEADER_LEN = 12, CCPROXY_PAYLOAD_MAX = 16 << 20 };

enum ccproxy_type { CCPROXY_COMMAND, CCPROXY_RESPONSE, CCPROXY_STREAM, CCPROXY_NOTIFICATION };

enum ccproxy_command {
	CCPROXY_REGISTER_VM,
	CCPROXY_UNREGISTER_VM,
	CCPROXY_ATTACH_VM,
	CCPROXY_HYPER,
	CCPROXY_CONNECT_SHIM,
	CCPROXY_DISCONNECT_SHIM,
	CCPROXY_SIGNAL,
};

enum ccproxy_stream { CCPROXY_STDIN, CCPROXY_STDOUT, CCPROXY_STDERR, CCPROXY_LOG };

/*
 * STDIN_CREDIT is acrun's: sent only to a shim that asked for it by {"flow":true} in ConnectShim.
 * Its payload is a u32: so many more bytes of stdin may be sent. Such a shim starts with
 * STREAM_WINDOW bytes of credit, so that signals never queue behind stdin.
 */
enum ccproxy_notification {
	CCPROXY_PROCESS_EXITED,
	CCPROXY_STDIN_CREDIT,
	/* From a shim that resumes: bytes of stdout and of stderr, two u32, that it has written. */
	CCPROXY_OUTPUT_CREDIT,
};

struct ccproxy_frame {
	enum ccproxy_type type;
	unsigned opcode;
	bool error; /* responses only */
	const char *payload;
	uint32_t len;
};

/* Appends one frame. -E2BIG beyond CCPROXY_PAYLOAD_MAX. */
int ccproxy_encode(struct strbuf *buf, enum ccproxy_type type, unsigned opcode, bool error,
		   const void *payload, size_t len) must_check;

/*
 * Takes the first whole frame from the len bytes at data: the number of bytes it occupies, 0 when
 * more are needed, or -EBADMSG when the header is impossible (version, header length, type,
 * opcode). The payload points into data. -EMSGSIZE when the payload would exceed
 * CCPROXY_PAYLOAD_MAX: type, opcode and len are set then, so that the sender can be told; the frame
 * occupies ccproxy_frame_len() bytes, which the caller may skip. A longer header than ours is
 * skipped.
 */
int64_t ccproxy_decode(const char *data, size_t len, struct ccproxy_frame *frame) must_check;
/* Bytes of the whole frame whose header (at least CCPROXY_HEADER_LEN bytes, accepted by
 * ccproxy_decode()) starts at data. */
uint64_t ccproxy_frame_len(const char *data);

#endif
