/* A gRPC server in a loop and a client's end of a socket pair that speaks HTTP/2 by hand. Methods:
 * /t/Echo, /t/Fail (NOT_FOUND, the message as text), /t/Hold (answered by the test). */
#ifndef TESTS_UNIT_GRPC_RIG_H
#define TESTS_UNIT_GRPC_RIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/loop.h"
#include "base/strbuf.h"
#include "runtime/factory/grpc_server.h"

enum { RIG_HELD_MAX = 128 };

enum { FRAME_DATA, FRAME_HEADERS, FRAME_PRIORITY, FRAME_RST, FRAME_SETTINGS, FRAME_GOAWAY = 7 };
enum { FLAG_END_STREAM = 1, FLAG_END_HEADERS = 4 };

struct rig {
	struct loop *loop;
	struct grpc_server *server;
	int fd; /* the client's end */
	struct grpc_call *held[RIG_HELD_MAX];
	int n_held;
	int handled;
	int outcomes[4];
	bool drained;
	bool closed;	   /* by the server */
	struct strbuf got; /* what the server sent */
};

struct frame {
	uint8_t type;
	uint8_t flags;
	uint32_t stream;
	size_t len;
	const char *payload;
};

/* config may be NULL; its methods, end and arg are filled in. */
void rig_open(struct rig *rig, const struct grpc_server_config *config);
void rig_close(struct rig *rig);
/* Runs the loop until *value is `wanted` or 10 s have passed (which fails the test). */
void rig_run_until(struct rig *rig, const int *value, int wanted);
/* Lets the loop do what there is to do. */
void rig_run(struct rig *rig);

void rig_greet(struct rig *rig);
void rig_send(struct rig *rig, const void *data, size_t len);
void rig_put_frame(struct strbuf *out, uint8_t type, uint8_t flags, uint32_t stream,
		   const void *payload, size_t len);
void rig_send_frame(struct rig *rig, uint8_t type, uint8_t flags, uint32_t stream,
		    const void *payload, size_t len);
/* A literal header field, as HPACK has it. */
void rig_put_header(struct strbuf *out, const char *name, const char *value);
/* HEADERS of a request; extra: one more field or NULLs. */
void rig_put_request(struct strbuf *out, uint32_t stream, const char *path, const char *type,
		     const char *extra, const char *extra_value);
/* A whole request with its message. */
void rig_call(struct rig *rig, uint32_t stream, const char *path, const char *message);

/* Reads what is there; then the n-th (from 0) frame of that kind on the stream, if it came. */
bool rig_find(struct rig *rig, uint8_t type, uint32_t stream, int n, struct frame *frame);
/* The last HEADERS frame of the stream ends it and has a field with this (short) value. */
bool rig_ended_with(struct rig *rig, uint32_t stream, const char *value);

#endif
