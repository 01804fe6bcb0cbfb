/* Recorded conversations of the original programs, from tests/fixtures/transcripts, line by line.
 */
#ifndef TESTS_UNIT_TRANSCRIPT_H
#define TESTS_UNIT_TRANSCRIPT_H

#include <stdbool.h>
#include <stddef.h>
#include "base/arena.h"
#include "base/error.h"

struct transcript_line {
	unsigned number;   /* in the file, from 1 */
	const char *party; /* "c1" ..., "ctl" or "tty" */
	bool to_proxy;
	const char *word; /* name of the message, or the stream's number */
	const char *text; /* what follows, without "ok" and the quotes; NUL-terminated */
	size_t len;	  /* of text, which may hold NULs when it was quoted */
	const struct transcript_line
		*ours; /* what our program says there instead; NULL: the same */
};

struct transcript {
	struct arena arena; /* all text */
	struct transcript_line *lines;
	size_t n_lines;
};

/* Reads the file; transcript_done() also after a failure. "c1 connect" has the word "connect" and
 * goes to the proxy; so have "close" and (from the proxy) "closed". A line "! WORD text" tells what
 * our agent says where the original said what stands in the line before. "ctl reconnect" and "ctl <
 * raw" (bytes without a frame) are for scripts that were never recorded. */
int transcript_read(struct transcript *transcript, const char *path, struct error *err) must_check;
void transcript_done(struct transcript *transcript);

#endif
