/* Arena: memory that is released all at once. What is decoded from one document lives in one arena.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stddef.h>
#include "base/error.h"

struct arena_block;

/* Zero-initialised is empty and ready. */
struct arena {
	struct arena_block *head;
	size_t used_bytes; /* sum handed out so far */
	size_t max_bytes;  /* 0: no limit; beyond it allocations fail */
};

/* Zeroed memory, aligned for any type; NULL when out of memory or beyond max_bytes. */
void *arena_alloc(struct arena *arena, size_t len);
/* Array of n * size with overflow check. */
void *arena_calloc(struct arena *arena, size_t n, size_t size);
/* Copies with a terminating NUL. */
char *arena_strdup(struct arena *arena, const char *text);
char *arena_strndup(struct arena *arena, const char *text, size_t len);
char *arena_printf(struct arena *arena, const char *fmt, ...) printf_like(2, 3);
/* Releases everything; the arena may be used again. */
void arena_done(struct arena *arena);

#define auto_arena __attribute__((cleanup(arena_done)))

#endif
