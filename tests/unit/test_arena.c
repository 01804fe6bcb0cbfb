/* Arena: zeroed, aligned, limited, released at once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <errno.h>
#include <cmocka.h>

#include "base/arena.h"

static void test_zeroed_and_aligned(void **state)
{
	auto_arena struct arena arena = { 0 };
	static const char zero[300];
	char *last = NULL;

	(void)state;
	for (size_t len = 0; len < 300; len++) {
		char *ptr = arena_alloc(&arena, len);

		assert_non_null(ptr);
		assert_ptr_not_equal(ptr, last);
		assert_int_equal((uintptr_t)ptr % _Alignof(max_align_t), 0);
		assert_memory_equal(ptr, zero, len);
		memset(ptr, 0xff, len);
		last = ptr;
	}
}

static void test_items_do_not_overlap(void **state)
{
	auto_arena struct arena arena = { 0 };
	unsigned char *items[200];

	(void)state;
	for (size_t i = 0; i < 200; i++) {
		items[i] = arena_alloc(&arena, i % 10 == 0 ? 100000 : 100);
		assert_non_null(items[i]);
		memset(items[i], (int)i, i % 10 == 0 ? 100000 : 100);
	}
	for (size_t i = 0; i < 200; i++) {
		assert_int_equal(items[i][0], i);
		assert_int_equal(items[i][99], i);
	}
}

static void test_limit(void **state)
{
	auto_arena struct arena arena = { .max_bytes = 1024 };

	(void)state;
	assert_non_null(arena_alloc(&arena, 1000));
	assert_null(arena_alloc(&arena, 100));
	assert_non_null(arena_alloc(&arena, 16));
	assert_true(arena.used_bytes <= 1024);
	assert_null(arena_alloc(&arena, SIZE_MAX));
	assert_null(arena_alloc(&arena, SIZE_MAX / 2));
}

static void test_calloc_overflow(void **state)
{
	auto_arena struct arena arena = { 0 };

	(void)state;
	assert_null(arena_calloc(&arena, SIZE_MAX / 2, 3));
	assert_non_null(arena_calloc(&arena, 10, 10));
	assert_true(arena.used_bytes >= 100);
}

static void test_texts(void **state)
{
	auto_arena struct arena arena = { 0 };

	(void)state;
	assert_string_equal(arena_strdup(&arena, "abc"), "abc");
	assert_string_equal(arena_strdup(&arena, ""), "");
	assert_string_equal(arena_strndup(&arena, "abc", 2), "ab");
	assert_string_equal(arena_strndup(&arena, "abc", 9), "abc");
	assert_string_equal(arena_printf(&arena, "%s-%d", "x", 5), "x-5");
}

static void test_reuse(void **state)
{
	struct arena arena = { .max_bytes = 4096 };

	(void)state;
	for (int i = 0; i < 3; i++) {
		assert_non_null(arena_alloc(&arena, 4000));
		arena_done(&arena);
		assert_int_equal(arena.used_bytes, 0);
	}
	arena_done(&arena);
	arena_done(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_zeroed_and_aligned),
		cmocka_unit_test(test_items_do_not_overlap),
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_calloc_overflow),
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_reuse),
	};

	return cmocka_run_group_tests_name("arena", tests, NULL, NULL);
}
