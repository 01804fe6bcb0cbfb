/* What gRPC adds to HTTP/2, for both ends: status codes, the text forms of messages and timeouts,
 * and the five bytes before each message. No library is needed here. */
#ifndef RUNTIME_FACTORY_GRPC_WIRE_H
#define RUNTIME_FACTORY_GRPC_WIRE_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/error.h"
#include "base/strbuf.h"

/* name, number on the wire, errno for a client that gets it */
#define GRPC_CODES(X)                      \
	X(OK, 0, 0)                        \
	X(CANCELLED, 1, ECANCELED)         \
	X(UNKNOWN, 2, EIO)                 \
	X(INVALID_ARGUMENT, 3, EINVAL)     \
	X(DEADLINE_EXCEEDED, 4, ETIMEDOUT) \
	X(NOT_FOUND, 5, ENOENT)            \
	X(ALREADY_EXISTS, 6, EEXIST)       \
	X(PERMISSION_DENIED, 7, EACCES)    \
	X(RESOURCE_EXHAUSTED, 8, ENOBUFS)  \
	X(FAILED_PRECONDITION, 9, EBUSY)   \
	X(ABORTED, 10, EAGAIN)             \
	X(OUT_OF_RANGE, 11, ERANGE)        \
	X(UNIMPLEMENTED, 12, EOPNOTSUPP)   \
	X(INTERNAL, 13, EPROTO)            \
	X(UNAVAILABLE, 14, ECONNREFUSED)   \
	X(DATA_LOSS, 15, EBADMSG)          \
	X(UNAUTHENTICATED, 16, EPERM)

enum grpc_code {
#define X(name, number, error) GRPC_##name = (number),
	GRPC_CODES(X)
#undef X
};

enum {
	GRPC_PREFIX_LEN = 5,
	GRPC_TEXT_MAX = 1024,	    /* longest status message, decoded; more is cut */
	GRPC_TIMEOUT_TEXT_LEN = 16, /* room for grpc_timeout_format() */
};

/* "UNAVAILABLE"; "UNKNOWN" for a number that is none. */
const char *grpc_code_name(int code);
/* Negative errno for a code; 0 for GRPC_OK; as for UNKNOWN if it is none. */
int grpc_code_errno(int code);
/* The code that tells a client of this (negative) errno best; UNKNOWN for those without one. */
enum grpc_code grpc_code_of_errno(int code);
/* The value of grpc-status; UNKNOWN when it is no code's number. */
enum grpc_code grpc_code_parse(const char *text, size_t len);

/* Appends text as grpc-message has it: bytes other than printable ASCII, and '%', become %XX. At
 * most GRPC_TEXT_MAX bytes of text are taken, whole UTF-8 characters. */
void grpc_text_encode(const char *text, struct strbuf *out);
/* The reverse. A '%' without two hex digits stands for itself; control characters become blanks. At
 * most GRPC_TEXT_MAX bytes result. */
void grpc_text_decode(const char *text, size_t len, struct strbuf *out);

/* The value of grpc-timeout in milliseconds, rounded up. -EINVAL unless 1 to 8 digits and a unit.
 */
int grpc_timeout_parse(const char *text, size_t len, int64_t *timeout_ms) must_check;
/* Writes the timeout with the finest unit that 8 digits allow; negative ones as 0. */
void grpc_timeout_format(int64_t timeout_ms, char out[static GRPC_TIMEOUT_TEXT_LEN]);

/* Appends prefix and message. 0, -E2BIG above 4 GiB, or strbuf's error. */
int grpc_message_encode(const void *message, size_t len, struct strbuf *out) must_check;

/* Takes one message out of a stream of bytes that come in pieces. Zero-initialise, set max. */
struct grpc_inbox {
	size_t max; /* longest message */
	uint8_t prefix[GRPC_PREFIX_LEN];
	size_t n_prefix;
	uint32_t expected; /* message's length, once the prefix is there */
	struct strbuf message;
};

/* Takes the next piece. Returns 0; -EOPNOTSUPP when the message is compressed; -EMSGSIZE when it is
 * longer than max (nothing is allocated for it); -EBADMSG when there is more than one message;
 * -ENOMEM. Memory grows with what has come, not with what was announced. */
int grpc_inbox_add(struct grpc_inbox *inbox, const uint8_t *data, size_t len) must_check;
/* Exactly one message has come. */
bool grpc_inbox_is_whole(const struct grpc_inbox *inbox);
void grpc_inbox_done(struct grpc_inbox *inbox);

#endif
