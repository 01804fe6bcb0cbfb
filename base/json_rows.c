/* The reading side of the rows: scanner events become members of structs. */
#include "base/json.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/cleanup.h"
#include "base/json_internal.h"

enum { FIRST_ITEMS = 8 };

static void *field_of(const struct json_frame *f, const struct json_row *row)
{
	return (char *)f->base + row->offset;
}

/* Makes items hold one more and returns it, moved or not; NULL without memory. */
static void *grow(struct json_decoder *d, void *items, size_t len, size_t cap, size_t size)
{
	void *more;

	if (len < cap)
		return items;
	more = arena_calloc(d->arena, cap ? cap * 2 : FIRST_ITEMS, size);
	if (more && len)
		memcpy(more, items, len * size);
	return more;
}

static void grown(struct json_frame *f, size_t len)
{
	if (len == f->cap)
		f->cap = f->cap ? f->cap * 2 : FIRST_ITEMS;
}

static int push(struct json_decoder *d, const struct json_row *row, const struct json_type *type,
		void *base)
{
	assert(!type || type->n_rows <= JSON_ROWS_MAX);
	if (d->n_frames == d->cap) {
		size_t cap = d->cap ? d->cap * 2 : FIRST_ITEMS;
		struct json_frame *frames = realloc(d->frames, cap * sizeof(*frames));

		if (!frames)
			return json_fail(d, -ENOMEM, "out of memory");
		d->frames = frames;
		d->cap = cap;
	}
	d->frames[d->n_frames++] = (struct json_frame){ .row = row, .type = type, .base = base };
	return 0;
}

static void swallow(struct json_decoder *d, enum json_swallow why, const struct json_event *ev)
{
	d->swallow = why;
	d->swallow_depth = 0;
	d->raw_begin = ev->begin;
}

/* Keeps the text of a value without the blanks between its tokens. */
static int keep_raw(struct json_decoder *d, size_t end)
{
	char *out = arena_alloc(d->arena, end - d->raw_begin + 1);
	bool quoted = false;

	if (!out)
		return json_no_memory(d);
	*d->raw_out = out;
	for (size_t i = d->raw_begin; i < end; i++) {
		char c = d->text[i];

		if (!quoted && strchr(" \t\v\f\r\n", c))
			continue;
		*out++ = c;
		if (c == '"')
			quoted = !quoted;
		else if (quoted && c == '\\')
			*out++ = d->text[++i];
	}
	*out = '\0';
	return 0;
}

static int swallow_event(struct json_decoder *d, const struct json_event *ev)
{
	enum json_swallow why = d->swallow;
	bool is_text = ev->kind == JSON_EV_STRING || ev->kind == JSON_EV_KEY;

	if (why == JSON_SWALLOW_RAW && is_text) {
		int ret = json_check_text(d, ev);

		if (ret < 0)
			return ret;
	}
	if (ev->kind == JSON_EV_MAP_START || ev->kind == JSON_EV_ARRAY_START)
		d->swallow_depth++;
	if (ev->kind == JSON_EV_MAP_END || ev->kind == JSON_EV_ARRAY_END)
		d->swallow_depth--;
	if (d->swallow_depth > 0)
		return 0;
	d->swallow = JSON_SWALLOW_NOTHING;
	return why == JSON_SWALLOW_RAW ? keep_raw(d, ev->end) : 0;
}

static size_t field_size(const struct json_row *row)
{
	static const size_t sizes[] = {
		[JSON_STR] = sizeof(const char *),
		[JSON_BOOL] = sizeof(bool),
		[JSON_I32] = sizeof(int32_t),
		[JSON_U32] = sizeof(uint32_t),
		[JSON_I64] = sizeof(int64_t),
		[JSON_U64] = sizeof(uint64_t),
		[JSON_DOUBLE] = sizeof(double),
		[JSON_OPT_BOOL] = sizeof(struct opt_bool),
		[JSON_OPT_I32] = sizeof(struct opt_i32),
		[JSON_OPT_U32] = sizeof(struct opt_u32),
		[JSON_OPT_I64] = sizeof(struct opt_i64),
		[JSON_OPT_U64] = sizeof(struct opt_u64),
		[JSON_ENUM] = sizeof(int),
		[JSON_STRS] = sizeof(struct json_strs),
		[JSON_NUMS] = sizeof(struct json_nums),
		[JSON_MAP] = sizeof(struct json_map),
		[JSON_OBJ] = 0,
		[JSON_OBJ_PTR] = sizeof(void *),
		[JSON_OBJS] = sizeof(struct json_objs),
		[JSON_OBJ_MAP] = sizeof(struct json_obj_map),
		[JSON_RAW] = sizeof(const char *),
	};

	return row->kind == JSON_OBJ ? row->type->size : sizes[row->kind];
}

static int on_key(struct json_decoder *d, struct json_frame *f, const struct json_event *ev)
{
	f->member = NULL;
	if (!f->type)
		return json_copy_text(d, ev, &f->key);
	for (size_t i = 0; i < f->type->n_rows; i++) {
		const struct json_row *row = &f->type->rows[i];
		uint64_t bit = UINT64_C(1) << (i % 64);

		if (strlen(row->name) != ev->len || memcmp(row->name, ev->text, ev->len) != 0)
			continue;
		f->member = row;
		if (!(f->seen[i / 64] & bit)) {
			f->seen[i / 64] |= bit;
			return 0;
		}
		if (!(row->flags & JSON_ALLOW_DUP))
			return json_fail(d, -EINVAL, "appears twice");
		memset(field_of(f, row), 0, field_size(row));
		return 0;
	}
	if (f->type->strict) {
		auto_strbuf struct strbuf key = { 0 };

		json_add_key(&key, ev->text, ev->len);
		return json_fail(d, -EINVAL, "unknown member '%s'", strbuf_str(&key));
	}
	return 0;
}

static int open_object(struct json_decoder *d, const struct json_row *row, void *field)
{
	void *object = field;

	if (row->kind == JSON_OBJ_PTR) {
		object = arena_alloc(d->arena, row->type->size);
		if (!object)
			return json_no_memory(d);
		memcpy(field, &object, sizeof(object));
	}
	return push(d, row, row->type, object);
}

static int on_member(struct json_decoder *d, struct json_frame *f, const struct json_event *ev)
{
	const struct json_row *row = f->member;
	void *field;
	int ret;

	if (!row) {
		swallow(d, JSON_SWALLOW_UNKNOWN, ev);
		return swallow_event(d, ev);
	}
	field = field_of(f, row);
	if (ev->kind == JSON_EV_NULL) {
		if (row->flags & JSON_REQUIRED)
			return json_fail(d, -EINVAL, "is required and must not be null");
		return 0;
	}
	switch (row->kind) {
	case JSON_RAW:
		d->raw_out = field;
		swallow(d, JSON_SWALLOW_RAW, ev);
		return swallow_event(d, ev);
	case JSON_STRS:
	case JSON_NUMS:
	case JSON_OBJS:
		ret = json_expect(d, ev, JSON_EV_ARRAY_START);
		return ret < 0 ? ret : push(d, row, NULL, field);
	case JSON_MAP:
	case JSON_OBJ_MAP:
		ret = json_expect(d, ev, JSON_EV_MAP_START);
		return ret < 0 ? ret : push(d, row, NULL, field);
	case JSON_OBJ:
	case JSON_OBJ_PTR:
		ret = json_expect(d, ev, JSON_EV_MAP_START);
		return ret < 0 ? ret : open_object(d, row, field);
	default:
		return json_set_scalar(d, row, ev, field);
	}
}

static int on_list_str(struct json_decoder *d, struct json_frame *f, const struct json_event *ev)
{
	struct json_strs *list = f->base;
	const char *text;
	void *items;
	int ret;

	f->index = list->len;
	ret = json_expect(d, ev, JSON_EV_STRING);
	if (ret == 0)
		ret = json_copy_text(d, ev, &text);
	if (ret < 0)
		return ret;
	items = grow(d, list->items, list->len, f->cap, sizeof(*list->items));
	if (!items)
		return json_no_memory(d);
	grown(f, list->len);
	list->items = items;
	list->items[list->len++] = text;
	return 0;
}

static int on_list_num(struct json_decoder *d, struct json_frame *f, const struct json_event *ev)
{
	struct json_nums *list = f->base;
	int64_t value;
	void *items;
	int ret;

	f->index = list->len;
	ret = json_get_signed(d, ev, INT64_MIN, INT64_MAX, &value);
	if (ret < 0)
		return ret;
	items = grow(d, list->items, list->len, f->cap, sizeof(*list->items));
	if (!items)
		return json_no_memory(d);
	grown(f, list->len);
	list->items = items;
	list->items[list->len++] = value;
	return 0;
}

/* Items may move: no pointer to one is held while the list is the innermost open value. */
static int on_list_obj(struct json_decoder *d, struct json_frame *f, const struct json_event *ev)
{
	struct json_objs *list = f->base;
	size_t size = f->row->type->size;
	void *items;
	int ret;

	f->index = list->len;
	ret = json_expect(d, ev, JSON_EV_MAP_START);
	if (ret < 0)
		return ret;
	items = grow(d, list->items, list->len, f->cap, size);
	if (!items)
		return json_no_memory(d);
	grown(f, list->len);
	list->items = items;
	return push(d, f->row, f->row->type, (char *)items + size * list->len++);
}

static int on_map_str(struct json_decoder *d, struct json_frame *f, const struct json_event *ev)
{
	struct json_map *map = f->base;
	const char *value;
	void *items;
	int ret;

	if (ev->kind == JSON_EV_NULL)
		return 0;
	ret = json_expect(d, ev, JSON_EV_STRING);
	if (ret == 0)
		ret = json_copy_text(d, ev, &value);
	if (ret < 0)
		return ret;
	items = grow(d, map->items, map->len, f->cap, sizeof(*map->items));
	if (!items)
		return json_no_memory(d);
	grown(f, map->len);
	map->items = items;
	map->items[map->len++] = (struct json_pair){ .key = f->key, .value = value };
	return 0;
}

static int on_map_obj(struct json_decoder *d, struct json_frame *f, const struct json_event *ev)
{
	struct json_obj_map *map = f->base;
	size_t size = f->row->type->size;
	void *items, *keys;
	int ret;

	if (ev->kind == JSON_EV_NULL)
		return 0;
	ret = json_expect(d, ev, JSON_EV_MAP_START);
	if (ret < 0)
		return ret;
	items = grow(d, map->items, map->len, f->cap, size);
	keys = grow(d, map->keys, map->len, f->cap, sizeof(*map->keys));
	if (!items || !keys)
		return json_no_memory(d);
	grown(f, map->len);
	map->items = items;
	map->keys = keys;
	map->keys[map->len] = f->key;
	return push(d, f->row, f->row->type, (char *)items + size * map->len++);
}

/* --- ends --- */

static int check_required(struct json_decoder *d, struct json_frame *f)
{
	for (size_t i = 0; i < f->type->n_rows; i++) {
		f->member = &f->type->rows[i];
		if ((f->member->flags & JSON_REQUIRED) && !(f->seen[i / 64] >> (i % 64) & 1))
			return json_fail(d, -EINVAL, "is required but missing");
	}
	f->member = NULL;
	return 0;
}

struct numbered_key {
	const char *key;
	size_t index;
};

static int compare_keys(const void *a, const void *b)
{
	const struct numbered_key *x = a, *y = b;
	int ret = strcmp(x->key, y->key);

	return ret ? ret : (x->index > y->index) - (x->index < y->index);
}

static const char **key_slot(struct json_frame *f, size_t i)
{
	if (f->row->kind == JSON_MAP)
		return &((struct json_map *)f->base)->items[i].key;
	return &((struct json_obj_map *)f->base)->keys[i];
}

static size_t *map_len(struct json_frame *f)
{
	if (f->row->kind == JSON_MAP)
		return &((struct json_map *)f->base)->len;
	return &((struct json_obj_map *)f->base)->len;
}

/* Takes out the pairs whose key was set to NULL; the order of the others stays. */
static void drop_pairs(struct json_frame *f)
{
	size_t *len = map_len(f);
	size_t n = 0;

	for (size_t i = 0; i < *len; i++) {
		if (!*key_slot(f, i))
			continue;
		if (f->row->kind == JSON_MAP) {
			struct json_map *map = f->base;

			map->items[n] = map->items[i];
		} else {
			struct json_obj_map *map = f->base;
			size_t size = f->row->type->size;

			map->keys[n] = map->keys[i];
			memmove((char *)map->items + n * size, (char *)map->items + i * size, size);
		}
		n++;
	}
	*len = n;
}

/* Sorting keeps a hostile map of a million keys from costing its square. */
static int check_map_keys(struct json_decoder *d, struct json_frame *f)
{
	auto_free struct numbered_key *keys = NULL;
	size_t len = *map_len(f);
	bool dropped = false;

	if (len < 2)
		return 0;
	keys = calloc(len, sizeof(*keys));
	if (!keys)
		return json_fail(d, -ENOMEM, "out of memory");
	for (size_t i = 0; i < len; i++)
		keys[i] = (struct numbered_key){ .key = *key_slot(f, i), .index = i };
	qsort(keys, len, sizeof(*keys), compare_keys);
	for (size_t i = 0; i + 1 < len; i++) {
		if (strcmp(keys[i].key, keys[i + 1].key) != 0)
			continue;
		f->key = keys[i].key;
		if (!(f->row->flags & JSON_ALLOW_DUP))
			return json_fail(d, -EINVAL, "appears twice");
		*key_slot(f, keys[i].index) = NULL;
		dropped = true;
	}
	if (dropped)
		drop_pairs(f);
	return 0;
}

static int on_end(struct json_decoder *d, struct json_frame *f)
{
	int ret = 0;

	if (f->type)
		ret = check_required(d, f);
	else if (f->row->kind == JSON_MAP || f->row->kind == JSON_OBJ_MAP)
		ret = check_map_keys(d, f);
	d->n_frames--;
	return ret;
}

static int on_value(struct json_decoder *d, struct json_frame *f, const struct json_event *ev)
{
	if (f->type)
		return on_member(d, f, ev);
	switch (f->row->kind) {
	case JSON_STRS:
		return on_list_str(d, f, ev);
	case JSON_NUMS:
		return on_list_num(d, f, ev);
	case JSON_OBJS:
		return on_list_obj(d, f, ev);
	case JSON_MAP:
		return on_map_str(d, f, ev);
	default:
		return on_map_obj(d, f, ev);
	}
}

static int on_event(void *arg, const struct json_event *ev, struct error *err)
{
	struct json_decoder *d = arg;
	struct json_frame *f;
	int ret;

	(void)err;
	d->at = ev->begin;
	if (d->swallow != JSON_SWALLOW_NOTHING)
		return swallow_event(d, ev);
	if (ev->kind == JSON_EV_STRING || ev->kind == JSON_EV_KEY) {
		ret = json_check_text(d, ev);
		if (ret < 0)
			return ret;
	}
	if (d->n_frames == 0) {
		ret = json_expect(d, ev, JSON_EV_MAP_START);
		return ret < 0 ? ret : push(d, NULL, d->root, d->out);
	}
	f = &d->frames[d->n_frames - 1];
	if (ev->kind == JSON_EV_KEY)
		return on_key(d, f, ev);
	if (ev->kind == JSON_EV_MAP_END || ev->kind == JSON_EV_ARRAY_END)
		return on_end(d, f);
	return on_value(d, f, ev);
}

int json_decode(const struct json_type *type, const char *text, size_t len,
		const struct json_limits *limits, struct arena *arena, void *out, struct error *err)
{
	struct json_decoder d = {
		.text = text,
		.arena = arena,
		.root = type,
		.out = out,
		.err = err,
	};
	int ret;

	memset(out, 0, type->size);
	ret = json_scan(text, len, limits, on_event, &d, err);
	free(d.frames);
	return ret;
}
