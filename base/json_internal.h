/* What the parts of base/json share: the event scanner over yajl and the UTF-8 check. Not for other
 * folders. */
#ifndef BASE_JSON_INTERNAL_H
#define BASE_JSON_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include "base/error.h"
#include "base/json.h"
#include "base/strbuf.h"

enum json_event_kind {
	JSON_EV_NULL,
	JSON_EV_BOOL,
	JSON_EV_NUMBER,
	JSON_EV_STRING,
	JSON_EV_KEY,
	JSON_EV_MAP_START,
	JSON_EV_MAP_END,
	JSON_EV_ARRAY_START,
	JSON_EV_ARRAY_END,
};

/* One token. text (not NUL-terminated) is the number as written, or the string or key unescaped. */
struct json_event {
	enum json_event_kind kind;
	bool boolean;
	const char *text;
	size_t len;
	size_t begin; /* offset of the token's first byte in the document */
	size_t end;   /* and behind its last */
};

/* Returns 0 to go on, or a negative errno, with err set, which becomes json_scan()'s. */
typedef int json_event_fn(void *arg, const struct json_event *ev, struct error *err);

/*
 * Calls fn (may be NULL: check only) for every token of one JSON document. Depth and count limits
 * are checked before the event is delivered. 0, fn's value, -EINVAL when the text is no JSON,
 * -E2BIG over a limit.
 */
int json_scan(const char *text, size_t len, const struct json_limits *limits, json_event_fn *fn,
	      void *arg, struct error *err) must_check;

struct json_frame;

enum json_swallow { JSON_SWALLOW_NOTHING, JSON_SWALLOW_UNKNOWN, JSON_SWALLOW_RAW };

enum { JSON_ROWS_MAX = 128 };

/* An object or array that is open and leads to members. The root's row is NULL. */
struct json_frame {
	const struct json_row *row;
	const struct json_type
		*type; /* of an object that fills a struct; NULL for lists and maps */
	void *base;    /* that struct, or the list or map itself */
	size_t cap;    /* of the list or map, in items */
	const struct json_row *member; /* where the value to come goes; NULL: unknown key */
	const char *key;	       /* of the value to come, in a map */
	size_t index;		       /* of the value at hand, in a list */
	uint64_t seen[JSON_ROWS_MAX / 64];
};

/* A json_decode() under way. */
struct json_decoder {
	const char *text;
	struct arena *arena;
	const struct json_type *root;
	void *out;
	struct json_frame *frames; /* open objects and arrays, outermost first */
	size_t n_frames;
	size_t cap;
	size_t at; /* offset of the token at hand, for messages */
	/* While a whole value passes by unread: why, how deep we are in it, where a raw one began
	 * and goes. */
	enum json_swallow swallow;
	unsigned swallow_depth;
	size_t raw_begin;
	const char **raw_out;
	struct error *err;
};

/* Appends a key for a message: cut when it is long, without control characters. */
void json_add_key(struct strbuf *buf, const char *key, size_t len);
/* Records "line 12: process.args[3]: <text>" for the token at hand and returns code. */
int json_fail(struct json_decoder *d, int code, const char *fmt, ...) printf_like(3, 4);
/* As json_fail(): the arena gave nothing. */
int json_no_memory(struct json_decoder *d);
/* Refuses every other kind of token: "expected a string, got a number". */
int json_expect(struct json_decoder *d, const struct json_event *ev, enum json_event_kind kind);
/* "a string", "an object" and so on. */
const char *json_event_name(const struct json_event *ev);

/* Refuses ill-formed UTF-8 and NUL in a string or key. */
int json_check_text(struct json_decoder *d, const struct json_event *ev);
/* Copies a string or key into the arena. */
int json_copy_text(struct json_decoder *d, const struct json_event *ev, const char **out);
int json_get_signed(struct json_decoder *d, const struct json_event *ev, int64_t min, int64_t max,
		    int64_t *out);
/* Fills the member of a row of scalar kind. */
int json_set_scalar(struct json_decoder *d, const struct json_row *row, const struct json_event *ev,
		    void *field);

/* Line, counted from 1, of the byte at offset. */
size_t json_line_at(const char *text, size_t offset);

/* Bytes of the well-formed UTF-8 character at text (1..4), 0 when there is none within avail bytes.
 */
size_t json_utf8_len(const char *text, size_t avail);

#endif
