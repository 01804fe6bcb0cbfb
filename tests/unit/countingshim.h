/*
 * A shim that keeps count, as cmd/acrun-shim does, without a process: it checks each byte of stdout
 * and stderr, sends as many of stdin as it may, and joins one proxy after another.
 */
#ifndef TESTS_UNIT_COUNTINGSHIM_H
#define TESTS_UNIT_COUNTINGSHIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/strbuf.h"
#include "tests/unit/proxy_rig.h"

enum {
	SHIM_OUT_BYTES = 700 << 10, /* that have to come */
	SHIM_ERR_BYTES = 150 << 10,
	SHIM_IN_BYTES = 300 << 10, /* that it sends */
	SHIM_EXIT_CODE = 7,
};

enum { SHIM_OUT, SHIM_ERR, SHIM_IN };

struct shim {
	struct rig_end end; /* its connection, made anew by shim_join() */
	char token[45];	    /* set by the test */
	bool accepted, exited;
	uint64_t got[2], credited[2];
	uint64_t in_end, in_taken;
	struct strbuf kept; /* stdin that the guest has not acknowledged */
	bool in_eof;
};

/* Connects with the rig's proxy and tells where it stands. */
void shim_join(struct shim *shim, struct rig *rig);
/* Takes what the proxy has sent. */
void shim_read(struct shim *shim);
/* The same, and sends what is due. */
void shim_run(struct shim *shim);

/* The bytes of a stream from number `from` on: written to data, and compared with it. */
void shim_fill(int stream, uint64_t from, char *data, size_t len);
void shim_check(int stream, uint64_t from, const char *data, size_t len);
/* The number behind the first `key` in data; UINT64_MAX when there is none. */
uint64_t shim_find_number(const char *data, size_t len, const char *key);

#endif
