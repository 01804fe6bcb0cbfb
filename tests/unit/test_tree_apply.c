#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "agent/proto/tree_apply.h"
#include "agent/proto/tree_pack.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/strbuf.h"

enum { STREAM_MAX = 1 << 20 };

/* Directories `from` and `to` of a test's own. */
struct place {
	char path[32];
	int fd;
	unsigned told, kept;
};

static int setup(void **state)
{
	struct place *place = calloc(1, sizeof(*place));

	assert_non_null(place);
	memcpy(place->path, "/tmp/apply.XXXXXX", sizeof("/tmp/apply.XXXXXX"));
	assert_non_null(mkdtemp(place->path));
	place->fd = fs_open_dir_at(AT_FDCWD, place->path);
	assert_int_equal(mkdirat(place->fd, "from", 0755), 0);
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

static void write_file(const struct place *place, const char *name, const char *text)
{
	auto_close int fd = openat(place->fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(fs_write_all(fd, text, strlen(text)), 0);
}

static void assert_file(const struct place *place, const char *name, const char *text)
{
	auto_strbuf struct strbuf got = { 0 };

	assert_int_equal(fs_read_file_at(place->fd, name, &got, STREAM_MAX), 0);
	assert_string_equal(strbuf_str(&got), text);
}

static void set_time(const struct place *place, const char *name, time_t when)
{
	const struct timespec times[] = { { .tv_sec = when }, { .tv_sec = when } };

	assert_int_equal(utimensat(place->fd, name, times, AT_SYMLINK_NOFOLLOW), 0);
}

static void tell(void *arg, const char *path, bool kept)
{
	struct place *place = arg;

	(void)path;
	place->told++;
	place->kept += kept;
}

static int pack(const struct place *place, const char *name, uint64_t max_bytes)
{
	auto_free char *path = NULL;
	const struct tree_pack how = {
		.path = (assert_true(asprintf(&path, "%s/%s", place->path, name) > 0), path),
		.as = "tree",
		.max_bytes = max_bytes
	};
	auto_close int fd = memfd_create("stream", MFD_CLOEXEC);
	struct error err = { 0 };
	uint64_t len = 0;
	int ret = tree_pack(&how, fd, &len, &err);

	if (ret < 0)
		return ret;
	assert_int_equal(lseek(fd, 0, SEEK_END), len);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	return take_fd(&fd);
}

static int apply(struct place *place, int fd, time_t since)
{
	const struct tree_apply how = { .name = "to",
					.max_bytes = STREAM_MAX,
					.since = { .tv_sec = since },
					.in_place = true,
					.tell = tell,
					.arg = place };
	struct error err = { 0 };

	return tree_apply(&how, fd, place->fd, &err);
}

static void copy(struct place *place, time_t since)
{
	auto_close int fd = pack(place, "from", STREAM_MAX);

	assert_true(fd >= 0);
	assert_int_equal(apply(place, fd, since), 0);
}

static void a_tree_arrives_as_it_was(void **state)
{
	struct place *place = *state;
	char target[16] = { 0 };
	struct stat st;

	assert_int_equal(mkdirat(place->fd, "from/a", 0), 0);
	assert_int_equal(fchmodat(place->fd, "from/a", 01770, 0), 0);
	write_file(place, "from/a/file", "text");
	assert_int_equal(fchmodat(place->fd, "from/a/file", 04711, 0), 0);
	set_time(place, "from/a/file", 1000000000);
	write_file(place, "from/empty", "");
	assert_int_equal(symlinkat("a/file", place->fd, "from/link"), 0);
	assert_int_equal(mkfifoat(place->fd, "from/pipe", 0622), 0);
	set_time(place, "from/a", 1234567890);
	copy(place, 0);
	assert_file(place, "to/a/file", "text");
	assert_file(place, "to/link", "text");
	assert_int_equal(fstatat(place->fd, "to/a/file", &st, 0), 0);
	assert_int_equal(st.st_mode, S_IFREG | 04711);
	assert_int_equal(st.st_mtime, 1000000000);
	assert_int_equal(fstatat(place->fd, "to/a", &st, 0), 0);
	assert_int_equal(st.st_mode, S_IFDIR | 01770);
	assert_int_equal(st.st_mtime, 1234567890);
	assert_int_equal(fstatat(place->fd, "to/pipe", &st, 0), 0);
	assert_true(S_ISFIFO(st.st_mode));
	assert_int_equal(readlinkat(place->fd, "to/link", target, sizeof(target)), 6);
	assert_string_equal(target, "a/file");
}

static void holes_stay_holes(void **state)
{
	struct place *place = *state;
	auto_close int fd = openat(place->fd, "from/holes", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	struct stat st;

	assert_int_equal(ftruncate(fd, 512 << 10), 0);
	assert_int_equal(pwrite(fd, "x", 1, 100000), 1);
	copy(place, 0);
	assert_int_equal(fstatat(place->fd, "to/holes", &st, 0), 0);
	assert_int_equal(st.st_size, 512 << 10);
	assert_true(st.st_blocks * 512 <= 64 << 10);
}

static void a_file_alone_keeps_its_inode(void **state)
{
	struct place *place = *state;
	auto_close int fd = -1;
	struct stat before, after;

	write_file(place, "from/new", "changed");
	write_file(place, "to", "longer than that");
	assert_int_equal(fstatat(place->fd, "to", &before, 0), 0);
	fd = pack(place, "from/new", STREAM_MAX);
	assert_int_equal(apply(place, fd, 0), 0);
	assert_file(place, "to", "changed");
	assert_int_equal(fstatat(place->fd, "to", &after, 0), 0);
	assert_int_equal(after.st_ino, before.st_ino);
}

/* What was changed here since the given time stays if it is later. */
static void the_later_change_wins(void **state)
{
	struct place *place = *state;

	write_file(place, "from/older", "theirs");
	write_file(place, "from/newer", "theirs");
	set_time(place, "from/older", 1000000000);
	set_time(place, "from/newer", 4000000000);
	assert_int_equal(mkdirat(place->fd, "to", 0755), 0);
	write_file(place, "to/older", "ours");
	write_file(place, "to/newer", "ours");
	copy(place, 1);
	assert_file(place, "to/older", "ours");
	assert_file(place, "to/newer", "theirs");
	assert_int_equal(place->told, 2);
	assert_int_equal(place->kept, 1);
}

/* And what was not changed is replaced, whatever its time. */
static void without_a_change_here_theirs_is_taken(void **state)
{
	struct place *place = *state;

	write_file(place, "from/file", "theirs");
	set_time(place, "from/file", 1000000000);
	assert_int_equal(mkdirat(place->fd, "to", 0755), 0);
	write_file(place, "to/file", "ours");
	copy(place, time(NULL) + 100);
	assert_file(place, "to/file", "theirs");
	assert_int_equal(place->told, 0);
}

static void a_link_in_the_way_is_not_followed(void **state)
{
	struct place *place = *state;

	assert_int_equal(mkdirat(place->fd, "outside", 0755), 0);
	write_file(place, "outside/file", "untouched");
	assert_int_equal(mkdirat(place->fd, "to", 0755), 0);
	assert_int_equal(symlinkat("../outside", place->fd, "to/dir"), 0);
	assert_int_equal(symlinkat("../outside/file", place->fd, "to/file"), 0);
	assert_int_equal(mkdirat(place->fd, "from/dir", 0755), 0);
	write_file(place, "from/dir/file", "theirs");
	write_file(place, "from/file", "theirs");
	copy(place, 0);
	assert_file(place, "outside/file", "untouched");
	assert_file(place, "to/dir/file", "theirs");
	assert_file(place, "to/file", "theirs");
}

static void limits_hold(void **state)
{
	struct place *place = *state;

	write_file(place, "from/file", "0123456789");
	assert_int_equal(pack(place, "from", 100), -EFBIG);
}

/* Streams made by hand, as a hostile guest might. */
struct stream {
	struct strbuf bytes;
};

static void add(struct stream *stream, struct tree_entry entry, const char *name)
{
	uint8_t head[TREE_HEAD_LEN];

	entry.name_len = (uint16_t)strlen(name);
	tree_encode_head(&entry, head);
	assert_int_equal(strbuf_add(&stream->bytes, head, sizeof(head)), 0);
	assert_int_equal(strbuf_add(&stream->bytes, name, entry.name_len), 0);
}

static int apply_stream(struct place *place, struct stream *stream, time_t since)
{
	auto_close int fd = memfd_create("stream", MFD_CLOEXEC);
	int ret;

	assert_int_equal(fs_write_all(fd, TREE_MAGIC, TREE_MAGIC_LEN), 0);
	assert_int_equal(fs_write_all(fd, stream->bytes.data, stream->bytes.len), 0);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	ret = apply(place, fd, since);
	strbuf_done(&stream->bytes);
	return ret;
}

static const struct tree_entry dir = { .kind = TREE_DIR, .mode = 0755 };
static const struct tree_entry up = { .kind = TREE_UP };
static const struct tree_entry gone = { .kind = TREE_GONE };
static const struct tree_entry end = { .kind = TREE_END };

static void what_is_gone_is_removed(void **state)
{
	struct place *place = *state;
	struct stream stream = { 0 };

	assert_int_equal(mkdirat(place->fd, "to", 0755), 0);
	assert_int_equal(mkdirat(place->fd, "to/dir", 0755), 0);
	write_file(place, "to/dir/file", "text");
	write_file(place, "to/file", "text");
	write_file(place, "to/other", "text");
	add(&stream, dir, "tree");
	add(&stream, gone, "dir");
	add(&stream, gone, "file");
	add(&stream, gone, "never");
	add(&stream, up, "");
	add(&stream, end, "");
	assert_int_equal(apply_stream(place, &stream, time(NULL) + 100), 0);
	assert_int_equal(fs_exists_at(place->fd, "to/dir"), 0);
	assert_int_equal(fs_exists_at(place->fd, "to/file"), 0);
	assert_file(place, "to/other", "text");
}

static void a_directory_with_a_change_is_not_removed(void **state)
{
	struct place *place = *state;
	struct stream stream = { 0 };

	assert_int_equal(mkdirat(place->fd, "to", 0755), 0);
	assert_int_equal(mkdirat(place->fd, "to/dir", 0755), 0);
	write_file(place, "to/dir/file", "text");
	add(&stream, dir, "tree");
	add(&stream, gone, "dir");
	add(&stream, up, "");
	add(&stream, end, "");
	assert_int_equal(apply_stream(place, &stream, 1), 0);
	assert_file(place, "to/dir/file", "text");
	assert_int_equal(place->kept, 1);
}

static void a_directory_made_anew_is_emptied_first(void **state)
{
	struct tree_entry fresh = dir;
	struct place *place = *state;
	struct stream stream = { 0 };

	fresh.fresh = true;
	assert_int_equal(mkdirat(place->fd, "to", 0755), 0);
	assert_int_equal(mkdirat(place->fd, "to/dir", 0755), 0);
	write_file(place, "to/dir/file", "text");
	add(&stream, dir, "tree");
	add(&stream, fresh, "dir");
	add(&stream, up, "");
	add(&stream, up, "");
	add(&stream, end, "");
	assert_int_equal(apply_stream(place, &stream, time(NULL) + 100), 0);
	assert_int_equal(fs_exists_at(place->fd, "to/dir"), 1);
	assert_int_equal(fs_exists_at(place->fd, "to/dir/file"), 0);
}

static void refuse_name(struct place *place, const char *name)
{
	struct stream stream = { 0 };

	add(&stream, dir, "tree");
	add(&stream, dir, name);
	add(&stream, up, "");
	add(&stream, up, "");
	add(&stream, end, "");
	assert_int_equal(apply_stream(place, &stream, 0), -EBADMSG);
}

static void names_lead_nowhere_else(void **state)
{
	struct place *place = *state;

	refuse_name(place, "..");
	refuse_name(place, ".");
	refuse_name(place, "a/b");
	refuse_name(place, "/");
	refuse_name(place, "");
}

static void what_does_not_add_up_is_refused(void **state)
{
	struct place *place = *state;
	struct stream stream = { 0 };

	add(&stream, dir, "tree");
	add(&stream, end, "");
	assert_int_equal(apply_stream(place, &stream, 0), -EBADMSG);
	stream = (struct stream){ 0 };
	add(&stream, up, "");
	assert_int_equal(apply_stream(place, &stream, 0), -EBADMSG);
	stream = (struct stream){ 0 };
	add(&stream, dir, "tree");
	add(&stream, up, "");
	add(&stream, dir, "second");
	assert_int_equal(apply_stream(place, &stream, 0), -EBADMSG);
	stream = (struct stream){ 0 };
	add(&stream, dir, "tree");
	add(&stream, up, "");
	assert_int_equal(apply_stream(place, &stream, 0), -EBADMSG);
	stream = (struct stream){ 0 };
	add(&stream, gone, "tree");
	assert_int_equal(apply_stream(place, &stream, 0), -EBADMSG);
	stream = (struct stream){ 0 };
	for (int i = 0; i < 2 * TREE_DEPTH_MAX; i++)
		add(&stream, dir, "d");
	assert_int_equal(apply_stream(place, &stream, 0), -ELOOP);
}

static void a_file_cannot_promise_more_than_there_may_be(void **state)
{
	struct tree_entry file = { .kind = TREE_FILE, .size = 1ULL << 40 };
	struct place *place = *state;
	struct stream stream = { 0 };

	add(&stream, file, "tree");
	assert_true(apply_stream(place, &stream, 0) < 0);
	assert_int_equal(fs_exists_at(place->fd, "to"), 0);
}

static void an_empty_stream_changes_nothing(void **state)
{
	struct place *place = *state;
	struct stream stream = { 0 };

	add(&stream, end, "");
	assert_int_equal(apply_stream(place, &stream, 0), 0);
	assert_int_equal(fs_exists_at(place->fd, "to"), 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_tree_arrives_as_it_was),
		TEST(holes_stay_holes),
		TEST(a_file_alone_keeps_its_inode),
		TEST(the_later_change_wins),
		TEST(without_a_change_here_theirs_is_taken),
		TEST(a_link_in_the_way_is_not_followed),
		TEST(limits_hold),
		TEST(what_is_gone_is_removed),
		TEST(a_directory_with_a_change_is_not_removed),
		TEST(a_directory_made_anew_is_emptied_first),
		TEST(names_lead_nowhere_else),
		TEST(what_does_not_add_up_is_refused),
		TEST(a_file_cannot_promise_more_than_there_may_be),
		TEST(an_empty_stream_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
