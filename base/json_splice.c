/* Edits JSON text in place, so that what is passed on stays as its author wrote it. */
#include "base/json.h"

#include <errno.h>
#include <string.h>
#include "base/json_internal.h"

enum { SPLICE_MAX_DEPTH = 1000 };

struct splice {
	const char *text;
	const char *value;
	const char *name; /* last part of the path */
	const char *part; /* part of the path wanted in the innermost object on the path */
	unsigned n_parts;
	unsigned depth;	   /* open objects and arrays */
	unsigned on_path;  /* how many of them, from the outermost, the path leads through */
	bool key_matches;  /* the value to come is the part's */
	bool parent_found; /* some parent object was met */
	bool member_found; /* in the parent at hand */
	bool parent_is_empty;
	size_t prev_end; /* behind the token before */
	size_t copied;	 /* text before this is in out */
	const char *path;
	struct strbuf *out;
};

/* Text of part i (from 0) of the dotted path. */
static const char *part_at(const char *path, unsigned i)
{
	while (i-- > 0)
		path += strcspn(path, ".") + 1;
	return path;
}

static void copy_until(struct splice *s, size_t end)
{
	strbuf_add(s->out, s->text + s->copied, end - s->copied);
	s->copied = end;
}

/* The path has led to `on_path` open objects; the next key to look for is the part after these. */
static void look_for(struct splice *s, unsigned on_path)
{
	s->on_path = on_path;
	s->part = on_path ? part_at(s->path, on_path - 1) : NULL;
	s->key_matches = false;
}

static void on_key(struct splice *s, const struct json_event *ev)
{
	s->key_matches = s->depth == s->on_path && strcspn(s->part, ".") == ev->len &&
			 memcmp(s->part, ev->text, ev->len) == 0;
	if (s->depth == s->n_parts && s->on_path == s->n_parts)
		s->parent_is_empty = false;
}

static int on_start(struct splice *s, const struct json_event *ev, struct error *err)
{
	bool leads_on = s->depth == 0 || (s->key_matches && s->depth == s->on_path);

	if (leads_on && s->depth == s->n_parts)
		return err_msg(err, -EINVAL, "line %zu: %s: is no string, number or boolean",
			       json_line_at(s->text, ev->begin), s->path);
	s->depth++;
	if (!leads_on || ev->kind != JSON_EV_MAP_START) {
		s->key_matches = false;
		return 0;
	}
	look_for(s, s->depth);
	if (s->on_path == s->n_parts) {
		s->parent_found = true;
		s->member_found = false;
		s->parent_is_empty = true;
	}
	return 0;
}

static void on_end(struct splice *s)
{
	if (s->depth == s->on_path) {
		if (s->on_path == s->n_parts && !s->member_found) {
			/* Right behind the last member: the blanks before the brace stay. */
			copy_until(s, s->prev_end);
			if (!s->parent_is_empty)
				strbuf_addc(s->out, ',');
			json_quote(s->out, s->name);
			strbuf_addc(s->out, ':');
			strbuf_adds(s->out, s->value);
		}
		look_for(s, s->on_path - 1);
	}
	s->depth--;
}

static void on_scalar(struct splice *s, const struct json_event *ev)
{
	if (!s->key_matches || s->depth != s->on_path || s->depth != s->n_parts)
		return;
	copy_until(s, ev->begin);
	strbuf_adds(s->out, s->value);
	s->copied = ev->end;
	s->member_found = true;
}

static int on_event(void *arg, const struct json_event *ev, struct error *err)
{
	struct splice *s = arg;
	int ret = 0;

	switch (ev->kind) {
	case JSON_EV_KEY:
		on_key(s, ev);
		break;
	case JSON_EV_MAP_START:
	case JSON_EV_ARRAY_START:
		ret = on_start(s, ev, err);
		break;
	case JSON_EV_MAP_END:
	case JSON_EV_ARRAY_END:
		on_end(s);
		break;
	default:
		on_scalar(s, ev);
		break;
	}
	s->prev_end = ev->end;
	if (ret == 0 && strbuf_error(s->out) < 0)
		ret = err_set(err, strbuf_error(s->out), "edit JSON text");
	return ret;
}

int json_splice(const char *text, size_t len, const char *path, const char *value,
		struct strbuf *out, struct error *err)
{
	/* Nothing is kept of a value, so their number costs no memory. */
	const struct json_limits limits = {
		.max_depth = SPLICE_MAX_DEPTH,
		.max_bytes = SIZE_MAX,
		.max_values = SIZE_MAX,
	};
	struct splice s = { .text = text, .value = value, .path = path, .out = out, .n_parts = 1 };
	size_t start = out->len;
	int ret;

	for (const char *p = path; *p != '\0'; p++)
		s.n_parts += *p == '.';
	s.name = part_at(path, s.n_parts - 1);
	ret = json_scan(value, strlen(value), NULL, NULL, NULL, err);
	if (ret < 0) {
		err_ctx(err, "new value of '%s'", path);
		return ret;
	}
	ret = json_scan(text, len, &limits, on_event, &s, err);
	if (ret == 0 && !s.parent_found)
		ret = err_msg(err, -ENOENT, "the JSON text has no object to hold '%s'", path);
	if (ret == 0 && strbuf_add(out, text + s.copied, len - s.copied) < 0)
		ret = err_set(err, strbuf_error(out), "edit JSON text");
	if (ret < 0 && out->data) {
		out->len = start;
		out->data[start] = '\0';
	}
	return ret;
}
