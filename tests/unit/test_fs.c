#include <errno.h>
#include <fcntl.h>
#include <limits.h>
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

struct place {
	char path[64];
	int dir;
};

static int setup(void **state)
{
	struct place *place = calloc(1, sizeof(*place));

	assert_non_null(place);
	(void)snprintf(place->path, sizeof(place->path), "/tmp/test-fs-XXXXXX");
	assert_non_null(mkdtemp(place->path));
	place->dir = open(place->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(place->dir >= 0);
	*state = place;
	return 0;
}

static int teardown(void **state)
{
	struct place *place = *state;

	assert_int_equal(fs_remove_tree_at(AT_FDCWD, place->path), 0);
	assert_int_equal(fs_exists_at(AT_FDCWD, place->path), 0);
	(void)close(place->dir);
	free(place);
	return 0;
}

static void put_file(int dir, const char *name, const char *text)
{
	auto_close int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(fs_write_all(fd, text, strlen(text)), 0);
}

static void assert_text(int dir, const char *name, const char *expected)
{
	auto_strbuf struct strbuf buf = { 0 };

	assert_int_equal(fs_read_file_at(dir, name, &buf, 1 << 20), 0);
	assert_string_equal(strbuf_str(&buf), expected);
}

static int count_entries(int dir)
{
	auto_dir DIR *list = fdopendir(openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	int n = 0;

	assert_non_null(list);
	while (readdir(list))
		n++;
	return n - 2;
}

static void read_respects_max(void **state)
{
	struct place *place = *state;
	auto_strbuf struct strbuf exact = { 0 };
	auto_strbuf struct strbuf below = { 0 };

	put_file(place->dir, "f", "12345");
	assert_int_equal(fs_read_file_at(place->dir, "f", &exact, 5), 0);
	assert_string_equal(strbuf_str(&exact), "12345");
	assert_int_equal(fs_read_file_at(place->dir, "f", &below, 4), -EFBIG);
	assert_int_equal(fs_read_file_at(place->dir, "none", &below, 4), -ENOENT);
}

static void read_takes_more_than_one_chunk(void **state)
{
	struct place *place = *state;
	auto_strbuf struct strbuf buf = { 0 };
	char big[20001];

	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	put_file(place->dir, "big", big);
	assert_int_equal(fs_read_file_at(place->dir, "big", &buf, sizeof(big)), 0);
	assert_int_equal(buf.len, sizeof(big) - 1);
	assert_string_equal(strbuf_str(&buf), big);
}

static void write_needs_an_existing_file(void **state)
{
	struct place *place = *state;

	assert_int_equal(fs_write_file_at(place->dir, "f", "x"), -ENOENT);
	put_file(place->dir, "f", "long old text");
	assert_int_equal(fs_write_file_at(place->dir, "f", "new"), 0);
	assert_text(place->dir, "f", "new");
}

static void replace_sets_text_and_mode(void **state)
{
	struct place *place = *state;
	mode_t old_mask = umask(077);
	struct stat st;

	put_file(place->dir, "f", "old");
	assert_int_equal(fs_replace_at(place->dir, "f", "new", 3, 0664, true), 0);
	(void)umask(old_mask);
	assert_text(place->dir, "f", "new");
	assert_int_equal(fstatat(place->dir, "f", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0664);
	assert_int_equal(count_entries(place->dir), 1);
}

static void replace_takes_paths_and_longest_names(void **state)
{
	struct place *place = *state;
	char name[NAME_MAX + 1];

	memset(name, 'n', NAME_MAX);
	name[NAME_MAX] = '\0';
	assert_int_equal(fs_replace_at(place->dir, name, "a", 1, 0600, false), 0);
	assert_text(place->dir, name, "a");
	assert_int_equal(mkdirat(place->dir, "d", 0755), 0);
	assert_int_equal(fs_replace_at(place->dir, "d/f", "b", 1, 0600, true), 0);
	assert_text(place->dir, "d/f", "b");
	assert_int_equal(fs_replace_at(place->dir, "d/", "b", 1, 0600, true), -EINVAL);
	assert_int_equal(fs_replace_at(place->dir, "none/f", "b", 1, 0600, true), -ENOENT);
}

static void failed_replace_leaves_nothing(void **state)
{
	struct place *place = *state;

	/* a file cannot be renamed over a directory */
	assert_int_equal(mkdirat(place->dir, "d", 0755), 0);
	assert_int_equal(fs_replace_at(place->dir, "d", "x", 1, 0600, false), -EISDIR);
	assert_int_equal(count_entries(place->dir), 1);
}

static void replace_does_not_write_through_a_link(void **state)
{
	struct place *place = *state;

	put_file(place->dir, "target", "safe");
	assert_int_equal(symlinkat("target", place->dir, "link"), 0);
	assert_int_equal(fs_replace_at(place->dir, "link", "new", 3, 0600, false), 0);
	assert_text(place->dir, "target", "safe");
	assert_text(place->dir, "link", "new");
}

static void mkdir_all_makes_parents(void **state)
{
	struct place *place = *state;
	char path[128];

	(void)snprintf(path, sizeof(path), "%s/a//b/c/", place->path);
	assert_int_equal(fs_mkdir_all(path, 0700), 0);
	assert_int_equal(fs_mkdir_all(path, 0700), 0);
	assert_int_equal(fs_exists_at(place->dir, "a/b/c"), 1);
	put_file(place->dir, "a/f", "");
	(void)snprintf(path, sizeof(path), "%s/a/f", place->path);
	assert_int_equal(fs_mkdir_all(path, 0700), -ENOTDIR);
	(void)snprintf(path, sizeof(path), "%s/a/f/g", place->path);
	assert_int_equal(fs_mkdir_all(path, 0700), -ENOTDIR);
}

static void mkdir_open_wants_a_new_one(void **state)
{
	struct place *place = *state;
	auto_close int fd = fs_mkdir_open_at(place->dir, "d", 0700);

	assert_true(fd >= 0);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	assert_int_equal(fs_mkdir_open_at(place->dir, "d", 0700), -EEXIST);
}

static void remove_tree_takes_all_but_link_targets(void **state)
{
	struct place *place = *state;

	assert_int_equal(mkdirat(place->dir, "keep", 0755), 0);
	put_file(place->dir, "keep/f", "safe");
	assert_int_equal(mkdirat(place->dir, "t", 0755), 0);
	assert_int_equal(mkdirat(place->dir, "t/a", 0755), 0);
	assert_int_equal(mkdirat(place->dir, "t/a/b", 0755), 0);
	assert_int_equal(mkdirat(place->dir, "t/c", 0755), 0);
	put_file(place->dir, "t/a/b/f", "x");
	put_file(place->dir, "t/a/g", "x");
	assert_int_equal(symlinkat("../../keep", place->dir, "t/a/link"), 0);
	assert_int_equal(symlinkat("keep", place->dir, "top"), 0);
	assert_int_equal(mkfifoat(place->dir, "t/c/fifo", 0600), 0);
	assert_int_equal(fs_remove_tree_at(place->dir, "t"), 0);
	assert_int_equal(fs_remove_tree_at(place->dir, "t"), 0);
	assert_int_equal(fs_remove_tree_at(place->dir, "top"), 0);
	assert_int_equal(fs_exists_at(place->dir, "t"), 0);
	assert_int_equal(fs_exists_at(place->dir, "top"), 0);
	assert_text(place->dir, "keep/f", "safe");
	assert_int_equal(fs_remove_tree_at(place->dir, "missing/t"), 0);
	assert_int_equal(fs_remove_tree_at(place->dir, "keep/.."), -EINVAL);
	assert_int_equal(fs_remove_tree_at(place->dir, "keep/"), 0);
	assert_int_equal(count_entries(place->dir), 0);
}

/* Far deeper than descriptors, PATH_MAX or a recursion would allow, with a neighbour on every
 * level. */
static void remove_tree_takes_any_depth(void **state)
{
	struct place *place = *state;
	int dir = fcntl(place->dir, F_DUPFD_CLOEXEC, 0);

	for (int i = 0; i < 1500; i++) {
		int next = fs_mkdir_open_at(dir, "deep", 0755);

		assert_true(next >= 0);
		put_file(dir, "f", "");
		(void)close(dir);
		dir = next;
	}
	(void)close(dir);
	assert_int_equal(fs_remove_tree_at(place->dir, "deep"), 0);
	assert_int_equal(count_entries(place->dir), 1);
}

static void scoped_open_stays_inside(void **state)
{
	struct place *place = *state;
	auto_close int root = -1;
	auto_close int fd = -1;

	put_file(place->dir, "secret", "outside");
	assert_int_equal(mkdirat(place->dir, "root", 0755), 0);
	put_file(place->dir, "root/secret", "inside");
	assert_int_equal(symlinkat("/secret", place->dir, "root/abs"), 0);
	assert_int_equal(symlinkat("../secret", place->dir, "root/up"), 0);
	assert_int_equal(symlinkat("secret", place->dir, "root/near"), 0);
	root = fs_open_dir_at(place->dir, "root");
	assert_true(root >= 0);

	for (size_t i = 0; i < 4; i++) {
		static const char *const names[] = { "abs", "up", "/secret", "../../secret" };
		auto_strbuf struct strbuf buf = { 0 };
		auto_close int in = fs_open_in_root(root, names[i], O_RDONLY, 0);

		assert_true(in >= 0);
		assert_int_equal(fs_read_all(in, &buf, 100), 0);
		assert_string_equal(strbuf_str(&buf), "inside");
		assert_int_equal(fs_open_beneath(root, names[i], O_RDONLY, 0), -EXDEV);
	}
	fd = fs_open_beneath(root, "near", O_RDONLY, 0);
	assert_true(fd >= 0);
	cleanup_close(&fd);
	fd = fs_open_beneath(root, "made", O_WRONLY | O_CREAT | O_EXCL, 0600);
	assert_true(fd >= 0);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	assert_int_equal(fs_exists_at(place->dir, "root/made"), 1);
}

static void magic_links_are_refused(void **state)
{
	auto_close int proc = fs_open_dir_at(AT_FDCWD, "/proc/self");

	(void)state;
	assert_true(proc >= 0);
	assert_int_equal(fs_open_in_root(proc, "exe", O_RDONLY, 0), -ELOOP);
}

static void abspath_normalises(void **state)
{
	static const char *const rows[][2] = {
		{ "/", "/" },
		{ "//a///b/", "/a/b" },
		{ "/a/./b/../c", "/a/c" },
		{ "/../..", "/" },
		{ "/a/..", "/" },
		{ "/..a/.b/...", "/..a/.b/..." },
		{ "/a/b/../../../c", "/c" },
	};
	char cwd[PATH_MAX];
	char expected[PATH_MAX + 8];
	auto_free char *relative = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		auto_free char *out = NULL;

		assert_int_equal(fs_abspath(rows[i][0], &out), 0);
		assert_string_equal(out, rows[i][1]);
	}
	assert_non_null(getcwd(cwd, sizeof(cwd)));
	(void)snprintf(expected, sizeof(expected), "%s/x", strcmp(cwd, "/") == 0 ? "" : cwd);
	assert_int_equal(fs_abspath("./y/../x", &relative), 0);
	assert_string_equal(relative, expected);
}

static void realpath_resolves(void **state)
{
	struct place *place = *state;
	char path[128];
	auto_free char *real = NULL;
	auto_free char *expected = NULL;

	assert_int_equal(mkdirat(place->dir, "d", 0755), 0);
	assert_int_equal(symlinkat("d", place->dir, "l"), 0);
	(void)snprintf(path, sizeof(path), "%s/d", place->path);
	assert_int_equal(fs_realpath(path, &expected), 0);
	(void)snprintf(path, sizeof(path), "%s/l/.", place->path);
	assert_int_equal(fs_realpath(path, &real), 0);
	assert_string_equal(real, expected);
	(void)snprintf(path, sizeof(path), "%s/none", place->path);
	assert_int_equal(fs_realpath(path, &real), -ENOENT);
}

static void exists_sees_dangling_links(void **state)
{
	struct place *place = *state;

	assert_int_equal(symlinkat("nowhere", place->dir, "l"), 0);
	assert_int_equal(fs_exists_at(place->dir, "l"), 1);
	assert_int_equal(fs_exists_at(place->dir, "nowhere"), 0);
	put_file(place->dir, "f", "");
	assert_int_equal(fs_exists_at(place->dir, "f/below"), 0);
}

int main(void)
{
#define IN_PLACE(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		IN_PLACE(read_respects_max),
		IN_PLACE(read_takes_more_than_one_chunk),
		IN_PLACE(write_needs_an_existing_file),
		IN_PLACE(replace_sets_text_and_mode),
		IN_PLACE(replace_takes_paths_and_longest_names),
		IN_PLACE(failed_replace_leaves_nothing),
		IN_PLACE(replace_does_not_write_through_a_link),
		IN_PLACE(mkdir_all_makes_parents),
		IN_PLACE(mkdir_open_wants_a_new_one),
		IN_PLACE(remove_tree_takes_all_but_link_targets),
		IN_PLACE(remove_tree_takes_any_depth),
		IN_PLACE(scoped_open_stays_inside),
		cmocka_unit_test(magic_links_are_refused),
		cmocka_unit_test(abspath_normalises),
		IN_PLACE(realpath_resolves),
		IN_PLACE(exists_sees_dangling_links),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
