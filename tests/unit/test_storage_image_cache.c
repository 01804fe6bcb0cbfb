#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "runtime/storage/image_cache.h"

enum { IMAGE_BYTES = 64 << 10 };

struct place {
	char path[32];
	char dir[48];
	struct image_cache cache;
	struct proc_id self;
	struct proc_id gone;
};

static int setup(void **state)
{
	struct place *place = calloc(1, sizeof(*place));

	assert_non_null(place);
	memcpy(place->path, "/tmp/cache.XXXXXX", sizeof("/tmp/cache.XXXXXX"));
	assert_non_null(mkdtemp(place->path));
	(void)snprintf(place->dir, sizeof(place->dir), "%s/images", place->path);
	place->cache = (struct image_cache){ place->dir, 1 << 30 };
	assert_int_equal(proc_identify(getpid(), &place->self), 0);
	place->gone = (struct proc_id){ place->self.pid, place->self.start_time + 1 };
	*state = place;
	return 0;
}

static int teardown(void **state)
{
	struct place *place = *state;

	(void)!fs_remove_tree_at(AT_FDCWD, place->path);
	free(place);
	return 0;
}

static void open_entry(const struct place *place, const char *name, struct image_entry *entry)
{
	struct error err = { 0 };

	*entry = (struct image_entry)IMAGE_ENTRY_INIT;
	assert_int_equal(image_entry_open(&place->cache, name, 0, &place->self, entry, &err), 0);
}

static void write_part(const struct image_entry *entry)
{
	auto_close int fd = open(entry->part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	static const char bytes[IMAGE_BYTES] = { 1 };

	assert_true(fd >= 0);
	assert_int_equal(fs_write_all(fd, bytes, sizeof(bytes)), 0);
}

static void make_image(const struct place *place, const char *name, const struct proc_id *user)
{
	struct image_entry entry;
	struct error err = { 0 };

	open_entry(place, name, &entry);
	assert_false(entry.present);
	write_part(&entry);
	assert_int_equal(image_entry_publish(&place->cache, &entry, user, &err), 0);
	assert_true(entry.present);
	image_entry_done(&entry);
}

static bool has(const struct place *place, const char *what)
{
	char path[128];

	(void)snprintf(path, sizeof(path), "%s/%s", place->dir, what);
	return fs_exists_at(AT_FDCWD, path) == 1;
}

static void trim(const struct place *place, uint64_t max_bytes)
{
	struct error err = { 0 };

	assert_int_equal(image_cache_trim(&place->cache, max_bytes, false, NULL, NULL, &err), 0);
}

static void what_was_published_is_found(void **state)
{
	const struct place *place = *state;
	struct image_entry entry;
	struct stat st;

	make_image(place, "k", &place->self);
	open_entry(place, "k", &entry);
	assert_true(entry.present);
	assert_false(entry.locked);
	assert_int_equal(stat(entry.image, &st), 0);
	assert_int_equal(st.st_size, IMAGE_BYTES);
	assert_int_equal(st.st_mode & 07777, 0400);
	image_entry_done(&entry);
	assert_int_equal(stat(place->dir, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
}

static void a_part_is_never_taken_for_an_image(void **state)
{
	const struct place *place = *state;
	struct image_entry entry;

	open_entry(place, "k", &entry);
	write_part(&entry);
	/* as a process that is killed leaves it: unlocked, nothing removed */
	cleanup_close(&entry.fd);
	entry.locked = false;
	image_entry_done(&entry);
	assert_true(has(place, "k/part"));
	open_entry(place, "k", &entry);
	assert_false(entry.present);
	assert_false(has(place, "k/part"));
	image_entry_done(&entry);
	assert_false(has(place, "k"));
}

static void one_works_on_an_entry_at_a_time(void **state)
{
	const struct place *place = *state;
	struct image_entry first, second = IMAGE_ENTRY_INIT;
	struct error err = { 0 };

	open_entry(place, "k", &first);
	assert_int_equal(image_entry_open(&place->cache, "k", 0, &place->self, &second, &err),
			 -ETIMEDOUT);
	assert_int_equal(image_entry_open(&place->cache, "k", 30, &place->self, &second, &err),
			 -ETIMEDOUT);
	trim(place, 0);
	assert_true(has(place, "k"));
	image_entry_done(&first);
	open_entry(place, "k", &second);
	assert_true(second.locked);
	image_entry_done(&second);
}

static void what_is_in_use_stays(void **state)
{
	const struct place *place = *state;

	make_image(place, "used", &place->self);
	make_image(place, "unused", &place->gone);
	trim(place, 0);
	assert_true(has(place, "used/image"));
	assert_false(has(place, "unused"));
}

static void the_longest_unused_goes_first(void **state)
{
	const struct place *place = *state;
	const struct timespec old[] = { { .tv_sec = 1000 }, { .tv_sec = 1000 } };
	char path[64];

	make_image(place, "a", &place->gone);
	make_image(place, "b", &place->gone);
	make_image(place, "c", &place->gone);
	(void)snprintf(path, sizeof(path), "%s/b", place->dir);
	assert_int_equal(utimensat(AT_FDCWD, path, old, 0), 0);
	trim(place, 2 * IMAGE_BYTES);
	assert_true(has(place, "a"));
	assert_false(has(place, "b"));
	assert_true(has(place, "c"));
}

/* By the publishing of another one. */
static void the_cache_keeps_its_size(void **state)
{
	struct place *place = *state;

	place->cache.max_bytes = IMAGE_BYTES;
	make_image(place, "a", &place->gone);
	make_image(place, "b", &place->self);
	assert_false(has(place, "a"));
	assert_true(has(place, "b/image"));
}

static void told(void *arg, const char *name, const char *why)
{
	assert_string_equal(name, "half");
	assert_non_null(strstr(why, "never finished"));
	(*(int *)arg)++;
}

static void leftovers_are_told_and_taken(void **state)
{
	const struct place *place = *state;
	struct error err = { 0 };
	char path[64];
	int n = 0;

	make_image(place, "whole", &place->gone);
	(void)snprintf(path, sizeof(path), "%s/half", place->dir);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(image_cache_trim(&place->cache, 1 << 30, true, told, &n, &err), 0);
	assert_int_equal(n, 1);
	assert_true(has(place, "half"));
	assert_int_equal(image_cache_trim(&place->cache, 1 << 30, false, told, &n, &err), 0);
	assert_int_equal(n, 2);
	assert_false(has(place, "half"));
	assert_true(has(place, "whole/image"));
}

static void a_cache_that_is_open_to_others_is_refused(void **state)
{
	const struct place *place = *state;
	struct image_entry entry = IMAGE_ENTRY_INIT;
	struct error err = { 0 };

	assert_int_equal(mkdir(place->dir, 0755), 0);
	assert_int_equal(chmod(place->dir, 0755), 0);
	assert_int_equal(image_entry_open(&place->cache, "k", 0, &place->self, &entry, &err),
			 -EPERM);
	assert_non_null(strstr(err.text, "is open to others"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_was_published_is_found, setup, teardown),
		cmocka_unit_test_setup_teardown(a_part_is_never_taken_for_an_image, setup,
						teardown),
		cmocka_unit_test_setup_teardown(one_works_on_an_entry_at_a_time, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_in_use_stays, setup, teardown),
		cmocka_unit_test_setup_teardown(the_longest_unused_goes_first, setup, teardown),
		cmocka_unit_test_setup_teardown(the_cache_keeps_its_size, setup, teardown),
		cmocka_unit_test_setup_teardown(leftovers_are_told_and_taken, setup, teardown),
		cmocka_unit_test_setup_teardown(a_cache_that_is_open_to_others_is_refused, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
