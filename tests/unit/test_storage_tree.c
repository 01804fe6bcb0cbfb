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
#include <sys/xattr.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "runtime/storage/tree.h"

/* A directory of its own for each test, with a/file, a/link and b. */
struct place {
	char path[32];
	int fd;
};

static void write_file(int dir, const char *name, const char *text)
{
	auto_close int fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(fs_write_all(fd, text, strlen(text)), 0);
}

static int setup(void **state)
{
	struct place *place = calloc(1, sizeof(*place));

	assert_non_null(place);
	memcpy(place->path, "/tmp/tree.XXXXXX", sizeof("/tmp/tree.XXXXXX"));
	assert_non_null(mkdtemp(place->path));
	place->fd = fs_open_dir_at(AT_FDCWD, place->path);
	assert_int_equal(mkdirat(place->fd, "a", 0755), 0);
	assert_int_equal(mkdirat(place->fd, "b", 0700), 0);
	write_file(place->fd, "a/file", "text");
	assert_int_equal(symlinkat("file", place->fd, "a/link"), 0);
	*state = place;
	return 0;
}

static int teardown(void **state)
{
	struct place *place = *state;

	close(place->fd);
	(void)!fs_remove_tree_at(AT_FDCWD, place->path);
	free(place);
	return 0;
}

static struct tree examine(const struct place *place)
{
	struct error err = { 0 };
	struct tree tree;

	assert_int_equal(tree_examine(place->path, true, "flavour", &tree, &err), 0);
	return tree;
}

static void assert_changes(const struct place *place, struct tree *before, bool wanted)
{
	struct tree now = examine(place);

	assert_int_equal(strcmp(now.key, before->key) != 0, wanted);
	*before = now;
}

static void what_does_not_change_keeps_its_key(void **state)
{
	const struct place *place = *state;
	struct tree tree = examine(place);

	assert_int_equal(tree.entries, 5);
	assert_int_equal(tree.bytes, 4);
	assert_int_equal(tree.stored_bytes, 4);
	assert_false(tree.sparse);
	assert_changes(place, &tree, false);
}

static void the_time_of_the_top_does_not_count(void **state)
{
	const struct timespec times[] = { { .tv_sec = 1 }, { .tv_sec = 1 } };
	const struct place *place = *state;
	struct tree tree = examine(place);

	assert_int_equal(futimens(place->fd, times), 0);
	assert_changes(place, &tree, false);
	assert_int_equal(fchmod(place->fd, 0711), 0);
	assert_changes(place, &tree, true);
}

static void every_change_changes_the_key(void **state)
{
	const struct timespec times[] = { { .tv_sec = 1 }, { .tv_sec = 1 } };
	const struct place *place = *state;
	struct tree tree = examine(place);

	assert_int_equal(utimensat(place->fd, "b", times, 0), 0);
	assert_changes(place, &tree, true);
	assert_int_equal(fchmodat(place->fd, "a/file", 0600, 0), 0);
	assert_changes(place, &tree, true);
	assert_int_equal(unlinkat(place->fd, "a/link", 0), 0);
	assert_int_equal(utimensat(place->fd, "a", times, 0), 0);
	assert_changes(place, &tree, true);
	assert_int_equal(symlinkat("elif", place->fd, "a/link"), 0);
	assert_int_equal(utimensat(place->fd, "a/link", times, AT_SYMLINK_NOFOLLOW), 0);
	assert_changes(place, &tree, true);
	assert_int_equal(renameat(place->fd, "a/file", place->fd, "a/elif"), 0);
	assert_changes(place, &tree, true);
	assert_int_equal(mkfifoat(place->fd, "pipe", 0644), 0);
	assert_changes(place, &tree, true);
}

/* Size and time as before: only inode and ctime can tell. */
static void a_file_in_disguise_is_seen(void **state)
{
	const struct place *place = *state;
	struct tree tree;
	struct stat st;
	struct timespec times[2];

	assert_int_equal(fstatat(place->fd, "a/file", &st, 0), 0);
	times[0] = st.st_atim;
	times[1] = st.st_mtim;
	tree = examine(place);
	write_file(place->fd, "a/file", "TEXT");
	assert_int_equal(utimensat(place->fd, "a/file", times, 0), 0);
	assert_changes(place, &tree, true);
}

static void attributes_count(void **state)
{
	const struct place *place = *state;
	auto_close int fd = openat(place->fd, "b", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct tree tree = examine(place);

	if (fsetxattr(fd, "user.test", "1", 1, 0) < 0)
		assert_int_equal(errno, ENOTSUP);
	else
		assert_changes(place, &tree, true);
	if (fsetxattr(fd, "user.test", "2", 1, 0) == 0)
		assert_changes(place, &tree, true);
}

static void holes_are_seen(void **state)
{
	const struct place *place = *state;
	auto_close int fd = openat(place->fd, "holes", O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	struct tree tree;

	assert_int_equal(ftruncate(fd, 1 << 20), 0);
	tree = examine(place);
	assert_true(tree.sparse);
	assert_int_equal(tree.bytes, (1 << 20) + 4);
	assert_int_equal(tree.stored_bytes, 4);
}

static void what_is_missing_is_an_error(void **state)
{
	struct error err = { 0 };
	struct tree tree;

	(void)state;
	assert_int_equal(tree_examine("/nowhere", true, "", &tree, &err), -ENOENT);
	assert_non_null(strstr(err.text, "look at '/nowhere'"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_does_not_change_keeps_its_key, setup,
						teardown),
		cmocka_unit_test_setup_teardown(the_time_of_the_top_does_not_count, setup,
						teardown),
		cmocka_unit_test_setup_teardown(every_change_changes_the_key, setup, teardown),
		cmocka_unit_test_setup_teardown(a_file_in_disguise_is_seen, setup, teardown),
		cmocka_unit_test_setup_teardown(attributes_count, setup, teardown),
		cmocka_unit_test_setup_teardown(holes_are_seen, setup, teardown),
		cmocka_unit_test(what_is_missing_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
