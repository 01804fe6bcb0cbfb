#include "base/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	ARENA_ALIGN = _Alignof(max_align_t),
	ARENA_FIRST_BLOCK = 4 << 10,
	ARENA_LAST_BLOCK = 256 << 10,
};

struct arena_block {
	struct arena_block *next;
	size_t used;
	size_t size;
	_Alignas(max_align_t) unsigned char data[];
};

/* Blocks come from calloc(), so that what is handed out is zero without a second pass. */
static struct arena_block *add_block(struct arena *arena, size_t len)
{
	size_t size = ARENA_FIRST_BLOCK;
	struct arena_block *block;

	if (arena->head && arena->head->size >= ARENA_FIRST_BLOCK)
		size = arena->head->size * 2;
	if (size > ARENA_LAST_BLOCK)
		size = ARENA_LAST_BLOCK;
	if (size < len)
		size = len;
	if (size > SIZE_MAX - sizeof(*block))
		return NULL;
	block = calloc(1, sizeof(*block) + size);
	if (!block)
		return NULL;
	block->size = size;
	/* A block made for one big item is full at once: keep filling the current one. */
	if (arena->head && size == len && len > ARENA_FIRST_BLOCK) {
		block->next = arena->head->next;
		arena->head->next = block;
	} else {
		block->next = arena->head;
		arena->head = block;
	}
	return block;
}

void *arena_alloc(struct arena *arena, size_t len)
{
	struct arena_block *block = arena->head;
	void *ptr;

	if (len == 0)
		len = 1;
	if (len > SIZE_MAX / 2)
		return NULL;
	len = (len + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1);
	if (len > SIZE_MAX - arena->used_bytes)
		return NULL;
	if (arena->max_bytes && arena->used_bytes + len > arena->max_bytes)
		return NULL;
	if (!block || block->size - block->used < len) {
		block = add_block(arena, len);
		if (!block)
			return NULL;
	}
	ptr = block->data + block->used;
	block->used += len;
	arena->used_bytes += len;
	return ptr;
}

void *arena_calloc(struct arena *arena, size_t n, size_t size)
{
	size_t len;

	if (__builtin_mul_overflow(n, size, &len))
		return NULL;
	return arena_alloc(arena, len);
}

char *arena_strdup(struct arena *arena, const char *text)
{
	return arena_strndup(arena, text, strlen(text));
}

char *arena_strndup(struct arena *arena, const char *text, size_t len)
{
	size_t n = strnlen(text, len);
	char *copy = arena_alloc(arena, n + 1);

	if (copy)
		memcpy(copy, text, n);
	return copy;
}

char *arena_printf(struct arena *arena, const char *fmt, ...)
{
	va_list args;
	char *text;
	int len;

	va_start(args, fmt);
	len = vsnprintf(NULL, 0, fmt, args);
	va_end(args);
	if (len < 0)
		return NULL;
	text = arena_alloc(arena, (size_t)len + 1);
	if (!text)
		return NULL;
	va_start(args, fmt);
	(void)vsnprintf(text, (size_t)len + 1, fmt, args);
	va_end(args);
	return text;
}

void arena_done(struct arena *arena)
{
	struct arena_block *block;

	if (!arena)
		return;
	while ((block = arena->head)) {
		arena->head = block->next;
		free(block);
	}
	arena->used_bytes = 0;
}
